/* The command line's main. */
#include <signal.h>

#include "cli/cli.h"

/* Set by the handler; http calls look at it. */
static volatile int interrupted;

static void on_signal(int number)
{
    __atomic_store_n(&interrupted, number, __ATOMIC_RELEASE);
}

static void setup_signals(void)
{
    /* Once only: a second Ctrl-C ends it at once, whatever it is doing. */
    static const int numbers[] = { SIGINT, SIGTERM, SIGHUP };
    const struct sigaction action = { .sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND };
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        struct sigaction old;
        sigaction(numbers[i], NULL, &old);
        if (old.sa_handler != SIG_IGN) /* nohup, or a shell's background: it was meant to be ignored */
            sigaction(numbers[i], &action, NULL);
    }
    signal(SIGPIPE, SIG_IGN); /* a connection that breaks is an error like others, and so is a closed output */
}

/* Ends as the signal would have, so that a shell's loop ends, too. */
static void end_by_signal(int number)
{
    signal(number, SIG_DFL);
    raise(number);
}

int main(int argc, char **argv)
{
    struct cli cli;
    CLEANUP(strv_release) struct strv args = STRV_INIT;
    for (int i = 1; i < argc; i++)
        strv_add(&args, argv[i]);
    setup_signals();
    cli_init(&cli, &interrupted);
    int exit = cli_main(&cli, &args);
    cli_release(&cli);
    int number = __atomic_load_n(&interrupted, __ATOMIC_ACQUIRE);
    if (number && exit == EXIT_INTERRUPTED)
        end_by_signal(number);
    return exit;
}
