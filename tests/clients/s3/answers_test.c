/* S3's answers: as servers write them, and as they must not be. */
#include "clients/s3/answers.h"
#include "clients/s3/errors.h"
#include "clients/s3/xml.h"
#include "tests/check.h"

#define HEAD "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
#define NS   " xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\""

static const struct page_row {
    const char *why, *xml;
    const char *items; /* "key:id:size:marker" joined by blanks */
    const char *next;  /* "token|key|id" */
    bool is_truncated;
} page_rows[] = {
    { "no object", HEAD "<ListBucketResult" NS "><IsTruncated>false</IsTruncated></ListBucketResult>", "", "-|-|-",
      false },
    { "objects, and more of them",
      HEAD
      "<ListBucketResult" NS "><Name>b</Name><Prefix>p</Prefix><IsTruncated>true</IsTruncated>"
      "<NextContinuationToken>t/1==</NextContinuationToken>"
      "<Contents><Key>a &amp; b</Key><LastModified>2026-01-02T03:04:05.678Z</LastModified><ETag>&quot;e&quot;</ETag>"
      "<Size>12</Size><Owner><ID>id</ID><Key>not this</Key></Owner></Contents>"
      "<Contents><Key> c</Key><Size>0</Size></Contents></ListBucketResult>",
      "a & b:-:12:0  c:-:0:0", "t/1==|-|-", true },
    { "encoded keys",
      "<ListBucketResult><EncodingType>url</EncodingType><Contents><Key>a%20b+c%2Bd/%C3%A4</Key></Contents>"
      "</ListBucketResult>",
      "a b c+d/\xc3\xa4:-:0:0", "-|-|-", false },
    { "keys that only look encoded", "<ListBucketResult><Contents><Key>a%20b+c</Key></Contents></ListBucketResult>",
      "a%20b+c:-:0:0", "-|-|-", false },
    { "a namespace with a prefix",
      "<s:ListBucketResult xmlns:s=\"x\"><s:Contents><s:Key>a</s:Key></s:Contents></s:ListBucketResult>", "a:-:0:0",
      "-|-|-", false },
    { "versions and markers",
      "<ListVersionsResult><NextKeyMarker>k</NextKeyMarker><NextVersionIdMarker>v9</NextVersionIdMarker>"
      "<IsTruncated>true</IsTruncated><Version><Key>k</Key><VersionId>v1</VersionId><Size>3</Size></Version>"
      "<DeleteMarker><Key>k</Key><VersionId>v2</VersionId></DeleteMarker></ListVersionsResult>",
      "k:v1:3:0 k:v2:0:1", "-|k|v9", true },
    { "uploads",
      "<ListMultipartUploadsResult><NextKeyMarker/><NextUploadIdMarker/><Upload><Key>k</Key><UploadId>u</UploadId>"
      "<Initiator><ID>i</ID></Initiator><Initiated>2026-01-02T03:04:05Z</Initiated></Upload>"
      "</ListMultipartUploadsResult>",
      "k:u:0:0", "-||", false },
};

static const char *or_dash(const char *text)
{
    return text ? text : "-";
}

static void a_page_is_read(void **state)
{
    const struct page_row *row = *state;
    struct err err = ERR_INIT;
    CLEANUP(s3_page_release) struct s3_page page = { 0 };
    CLEANUP(strv_release) struct strv items = STRV_INIT;
    assert_ok(s3_page_read(row->xml, strlen(row->xml), &page, &err), &err);
    for (size_t i = 0; i < page.count; i++)
        strv_addf(&items, "%s:%s:%" PRIu64 ":%d", page.items[i].key, or_dash(page.items[i].id), page.items[i].size,
                  page.items[i].is_marker);
    CLEANUP(freep) char *all = strv_join(&items, " ");
    CLEANUP(freep)
    char *next = mem_printf("%s|%s|%s", or_dash(page.next_token), or_dash(page.next_key), or_dash(page.next_id));
    assert_string_equal(all, row->items);
    assert_string_equal(next, row->next);
    assert_int_equal(page.is_truncated, row->is_truncated);
}

static void times_are_read(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    CLEANUP(s3_page_release) struct s3_page page = { 0 };
    const char *xml = "<ListBucketResult><Contents><Key>a</Key><LastModified>1970-01-01T00:00:01.500Z</LastModified>"
                      "</Contents></ListBucketResult>";
    assert_ok(s3_page_read(xml, strlen(xml), &page, &err), &err);
    assert_int_equal(page.items[0].time_ms, 1500);
}

static const struct bad_row {
    const char *why, *xml, *problem;
} bad_rows[] = {
    { "nothing", "", "its XML cannot be read" },
    { "no XML", "It works!", "its XML cannot be read" },
    { "cut", "<ListBucketResult><Contents><Key>a</Key>", "its XML cannot be read" },
    { "something behind it", "<ListBucketResult/><ListBucketResult/>", "its XML cannot be read" },
    { "another document", "<html><body>login</body></html>", "it is no list" },
    { "an entry without a key", "<ListBucketResult><Contents><Size>1</Size></Contents></ListBucketResult>",
      "an entry without a key" },
    { "a negative size", "<ListBucketResult><Contents><Key>a</Key><Size>-1</Size></Contents></ListBucketResult>",
      "a size that is none" },
    { "a time that is none",
      "<ListBucketResult><Contents><Key>a</Key><LastModified>soon</LastModified></Contents></ListBucketResult>",
      "a time that is none" },
    { "a broken escape",
      "<ListBucketResult><EncodingType>url</EncodingType><Contents><Key>a%2</Key></Contents></ListBucketResult>",
      "a broken escape" },
    { "an escaped NUL",
      "<ListBucketResult><EncodingType>url</EncodingType><Contents><Key>a%00b</Key></Contents></ListBucketResult>",
      "a broken escape" },
    { "entities of its own",
      "<!DOCTYPE l [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;\">]><ListBucketResult>&b;</ListBucketResult>",
      "a document type" },
    { "too deep", "<a><a><a><a><a><a><a><a><a></a></a></a></a></a></a></a></a></a>", "too deep" },
    { "another encoding", "<?xml version=\"1.0\"?><ListBucketResult>\xff</ListBucketResult>",
      "its XML cannot be read" },
};

static void a_bad_page_is_refused(void **state)
{
    const struct bad_row *row = *state;
    struct err err = ERR_INIT;
    CLEANUP(s3_page_release) struct s3_page page = { 0 };
    assert_false(s3_page_read(row->xml, strlen(row->xml), &page, &err));
    assert_int_equal(err.code, ERR_REMOTE);
    assert_contains(err_message(&err), row->problem);
    err_clear(&err);
}

static void long_texts_have_an_end(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    CLEANUP(s3_page_release) struct s3_page page = { 0 };
    CLEANUP(str_release) struct str xml = STR_INIT;
    str_add(&xml, "<ListBucketResult><Contents><Key>");
    for (size_t i = 0; i < S3_XML_TEXT_MAX + 1; i++)
        str_addc(&xml, 'k');
    str_add(&xml, "</Key></Contents></ListBucketResult>");
    assert_false(s3_page_read(xml.text, xml.len, &page, &err));
    assert_contains(err_message(&err), "a very long text");
    err_clear(&err);
}

static void single_texts(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    const char *xml = "<R><Id>x&lt;y</Id><In><Id>z</Id></In></R>";
    CLEANUP(freep) char *text = NULL;
    CLEANUP(freep) char *none = NULL;
    assert_ok(s3_text_read(xml, strlen(xml), "R/Id", &text, &err), &err);
    assert_string_equal(text, "x<y");
    assert_ok(s3_text_read(xml, strlen(xml), "R/Other", &none, &err), &err);
    assert_string_equal(none, "");
    assert_fails(s3_text_read("<R>", 3, "R", &none, &err), &err, ERR_REMOTE);
}

static const struct problem_row {
    const char *why, *xml;
    bool is_one;
    const char *code, *message, *region;
} problem_rows[] = {
    { "an error", HEAD "<Error><Code>NoSuchKey</Code><Message>no\n\tkey</Message><Key>k</Key></Error>", true,
      "NoSuchKey", "no  key", "" },
    { "one that repeats credentials",
      "<Error><Code>SignatureDoesNotMatch</Code><Message/><AWSAccessKeyId>A</AWSAccessKeyId><StringToSign>s</"
      "StringToSign>"
      "</Error>",
      true, "SignatureDoesNotMatch", "", "" },
    { "a wrong region", "<Error><Code>AuthorizationHeaderMalformed</Code><Region>eu-1</Region></Error>", true,
      "AuthorizationHeaderMalformed", "", "eu-1" },
    { "a list", "<ListBucketResult><Name>b</Name></ListBucketResult>", false, "", "", "" },
    { "a proxy's page", "<html><body><p>502 Bad Gateway</body>", false, "", "", "" },
    { "nothing", "", false, "", "", "" },
};

static void a_problem_is_read(void **state)
{
    const struct problem_row *row = *state;
    CLEANUP(s3_problem_release) struct s3_problem problem = { 0 };
    assert_int_equal(s3_problem_read(row->xml, strlen(row->xml), &problem), row->is_one);
    assert_string_equal(problem.code, row->code);
    assert_string_equal(problem.message, row->message);
    assert_string_equal(problem.region, row->region);
}

static const struct meaning_row {
    const char *why;
    int status;
    const char *code;
    enum err_code means;
    bool may_pass, slows_down;
} meaning_rows[] = {
    { "not there", 404, "NoSuchKey", ERR_NOT_FOUND, false, false },
    { "not there, by status alone", 404, "", ERR_NOT_FOUND, false, false },
    { "no right", 403, "AccessDenied", ERR_FORBIDDEN, false, false },
    { "no right, by status alone", 403, "", ERR_FORBIDDEN, false, false },
    { "a full quota", 403, "QuotaExceeded", ERR_FORBIDDEN, false, false },
    { "a suspended user", 403, "UserSuspended", ERR_FORBIDDEN, false, false },
    { "too fast", 503, "SlowDown", ERR_TOO_MANY, true, true },
    { "too fast, by status alone", 429, "", ERR_TOO_MANY, true, true },
    { "busy", 503, "", ERR_REMOTE, true, true },
    { "broken", 500, "InternalError", ERR_REMOTE, true, false },
    { "broken on the way", 502, "", ERR_REMOTE, true, false },
    { "slow to send", 400, "RequestTimeout", ERR_REMOTE, true, false },
    { "changed on the way", 400, "XAmzContentSHA256Mismatch", ERR_REMOTE, true, false },
    { "an error behind a 200", 200, "InternalError", ERR_REMOTE, true, false },
    { "an unknown error behind a 200", 200, "Odd", ERR_REMOTE, false, false },
    { "what it cannot do", 501, "NotImplemented", ERR_UNSUPPORTED, false, false },
    { "an unknown code counts by its status", 503, "Odd", ERR_REMOTE, true, true },
    { "a bad request", 400, "InvalidArgument", ERR_REMOTE, false, false },
};

static void codes_have_a_meaning(void **state)
{
    const struct meaning_row *row = *state;
    struct s3_meaning meaning = s3_meaning_of(row->status, row->code);
    assert_int_equal(meaning.code, row->means);
    assert_int_equal(meaning.may_pass, row->may_pass);
    assert_int_equal(meaning.slows_down, row->slows_down);
}

int main(void)
{
    struct check_list list = { 0 };
    CHECK_ROWS(&list, a_page_is_read, page_rows);
    CHECK_TEST(&list, times_are_read);
    CHECK_ROWS(&list, a_bad_page_is_refused, bad_rows);
    CHECK_TEST(&list, long_texts_have_an_end);
    CHECK_TEST(&list, single_texts);
    CHECK_ROWS(&list, a_problem_is_read, problem_rows);
    CHECK_ROWS(&list, codes_have_a_meaning, meaning_rows);
    return check_run("clients/s3/answers", &list);
}
