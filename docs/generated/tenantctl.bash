# bash completion for tenantctl; printed by `tenantctl completion bash`
_tenantctl_names() { # [KIND]
    tenantctl get "${1:-instances}" -A -o name 2>/dev/null | sed 's,^[a-z]*\.tenantd/,,'
}

_tenantctl() {
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]}
    local command= kind= completes=commands options= words= i
    local commands="apply get describe why diff delete events logs secret key catalog source export orphans pause resume backup backups restore restart stop start login logout account token audit version completion help"
    local kinds="all tenants tenant apps app instances instance backups backup restores restore sources source"
    local common="--namespace= -n --kubeconfig= --server= --token= --ca= --help -h"
    for ((i = 1; i < COMP_CWORD; i++)); do
        case ${COMP_WORDS[i]} in
        -* | =) ;;
        *)
            if [[ -z $command && " $commands " == *" ${COMP_WORDS[i]} "* ]]; then
                command=${COMP_WORDS[i]}
            elif [[ -n $command && -z $kind && " $kinds " == *" ${COMP_WORDS[i]} "* ]]; then
                kind=${COMP_WORDS[i]}
            fi ;;
        esac
    done
    case $command in
    apply) completes=nothing options="--filename= -f --recursive -R --wait --timeout= --dry-run" ;;
    get) completes=records options="--output= -o --all-namespaces -A --watch -w --selector= -l --field-selector= --no-headers" ;;
    describe) completes=records options="" ;;
    why) completes=records options="" ;;
    diff) completes=records options="--filename= -f --recursive -R" ;;
    delete) completes=records options="--filename= -f --recursive -R --wait --timeout= --ignore-not-found --dry-run" ;;
    events) completes=records options="--watch -w --all-namespaces -A --no-headers" ;;
    logs) completes=instances options="--follow -f --tail= --since= --timestamps -t" ;;
    secret) completes=instances options="--filename= -f" ;;
    key) completes=nothing options="" ;;
    catalog) completes=nothing options="--records" ;;
    source) completes=nothing options="--for=" ;;
    export) completes=nothing options="--all-namespaces -A --output= -o --adopt=" ;;
    orphans) completes=nothing options="--remove --retained --yes -y" ;;
    pause) completes=records options="" ;;
    resume) completes=records options="" ;;
    backup) completes=instances options="--wait --timeout= --dry-run --to= --encrypted" ;;
    backups) completes=instances options="" ;;
    restore) completes=instances options="--from= --to= --neutralize --wait --timeout=" ;;
    restart) completes=instances options="" ;;
    stop) completes=instances options="--wait --timeout=" ;;
    start) completes=instances options="--wait --timeout=" ;;
    login) completes=nothing options="--save=" ;;
    logout) completes=nothing options="" ;;
    account) completes=nothing options="--admin --tenant= --name=" ;;
    token) completes=nothing options="--admin --tenant= --verbs= --expires=" ;;
    audit) completes=nothing options="--who= --name= --since= --limit=" ;;
    version) completes=nothing options="--client" ;;
    completion) completes=shells options="" ;;
    help) completes=commands options="" ;;
    esac
    # --output=json arrives as three words.
    [[ $word == = ]] && word=
    [[ $before == = ]] && before=${COMP_WORDS[COMP_CWORD-2]}
    case $command:$before in
    get:--output | get:-o) words="table wide json yaml name" ;;
    *:-f | *:--filename)
        [[ $command == logs ]] || { compopt -o filenames; COMPREPLY=($(compgen -f -- "$word")); return; } ;;
    *:--kubeconfig | *:--ca) compopt -o filenames; COMPREPLY=($(compgen -f -- "$word")); return ;;
    *:-n | *:--namespace) words=$(_tenantctl_names tenants) ;;
    esac
    if [[ -z $words && $word == -* ]]; then
        words="$options $common"
    elif [[ -z $words ]]; then
        case $completes in
        commands) words=$commands ;;
        shells) words=bash ;;
        instances) words=$(_tenantctl_names) ;;
        records)
            if [[ -n $kind ]]; then words=$(_tenantctl_names "$kind")
            else words="$kinds $(_tenantctl_names)"; fi ;;
        esac
    fi
    COMPREPLY=($(compgen -W "$words" -- "$word"))
    [[ ${#COMPREPLY[@]} == 1 && ${COMPREPLY[0]} == *= ]] && compopt -o nospace
    return 0
}
complete -F _tenantctl tenantctl
