// SPDX-License-Identifier: GPL-2.0
/*
 * What `audit` says and how it ends when a count is wrong, which no sound kernel
 * can be brought to: the library's audit is replaced by a list of findings.
 */
#include "capture.h"
#include "fake.h"
#include "json.h"
#include "rlimitctl.h"
#include "tap.h"

#define ROW(slot_, id_, finding_, held_, low_, high_, how_) \
	{ .slot = slot_, .id = id_, .finding = finding_, .held = held_, \
	  .low = low_, .high = high_, .how = how_ }

static const struct finding {
	struct rescore_audit_row row;
	bool differs;
} findings[] = {
	{ ROW(1, 0, RESCORE_AUDIT_DIFFERENCE, 5, 5, 5, "tasks"), false },
	{ ROW(1, 0, RESCORE_AUDIT_DIFFERENCE, 6, 5, 5, "tasks"), true },
	{ ROW(3, 1, RESCORE_AUDIT_DIFFERENCE, 9, 2, 4, "pages"), true },
	{ ROW(1, 0, RESCORE_AUDIT_UNDERFLOW, 0, 0, 0, "3 times"), true },
	{ ROW(0, 0, RESCORE_AUDIT_LOST, 0, 0, 0, "/a\033[31m"), false },
};

static size_t nr_findings;
static int result;	/* of the audit; negative: it failed */

static int fake_audit(struct rescore *rs, unsigned int slot,
		      void (*report)(const struct rescore_audit_row *row,
				     bool differs, void *arg),
		      void *arg)
{
	size_t i;

	(void)rs;
	for (i = 0; i < nr_findings; i++)
		if (!slot || findings[i].row.slot == slot)
			report(&findings[i].row, findings[i].differs, arg);
	return result;
}

static int fake_session(const struct invocation *inv, bool read_only,
			struct rescore **ret_rs)
{
	(void)inv;
	(void)read_only;
	*ret_rs = &fake_rs;
	return 0;
}

static void fake_close(struct rescore *rs)
{
	(void)rs;
}

#define rescore_audit fake_audit
#define open_session fake_session
#define rescore_close fake_close
#include "cmd_audit.c"

static char *no_arguments[] = { NULL };

static int audit(struct capture *c, FILE *stream, const char *container,
		 enum option_id option)
{
	char *words[] = { (char *)container, NULL };
	struct invocation inv = {
		.argc = container ? 1 : 0,
		.argv = container ? words : no_arguments,
	};
	int status;

	inv.option[option] = "";
	capture_begin(c, stream);
	status = cmd_audit(&inv);
	capture_end(c);
	return status;
}

static void test_text(void)
{
	struct capture c;

	nr_findings = 1;
	result = 0;
	tap_is_int(audit(&c, stdout, NULL, OPT_HELP), 0, "all is right: 0");
	tap_is_text(c.text, "audit: 1 row compared, 0 differences\n",
		    "all is right");
	audit(&c, stdout, NULL, OPT_VERBOSE);
	tap_is_text(c.text,
		    "web numproc: held 5, found 5, right (tasks)\n"
		    "audit: 1 row compared, 0 differences\n",
		    "what is right, too");
	nr_findings = sizeof(findings) / sizeof(*findings);
	result = 3;
	tap_is_int(audit(&c, stdout, NULL, OPT_HELP), STATUS_FAILURE,
		   "something is wrong: 1");
	tap_is_text(c.text,
		    "web numproc: held 6, found 5 (tasks)\n"
		    "database privvmpages: held 9, found 2 to 4 (pages)\n"
		    "web numproc: underflow: 3 times\n"
		    "lost: /a\\x1b[31m\n"
		    "audit: 4 rows compared, 3 differences\n",
		    "everything that is wrong");
	result = 1;
	audit(&c, stdout, "database", OPT_HELP);
	tap_is_text(c.text,
		    "database privvmpages: held 9, found 2 to 4 (pages)\n"
		    "audit: 1 row compared, 1 difference\n",
		    "one container");
}

static void test_json(void)
{
	struct capture c;
	json_t *json, *rows;

	nr_findings = sizeof(findings) / sizeof(*findings);
	result = 3;
	tap_is_int(audit(&c, stdout, NULL, OPT_JSON), STATUS_FAILURE,
		   "as JSON: 1, too");
	json = json_loads(c.text, 0, NULL);
	rows = json_object_get(json, "rows");
	tap_ok(json_integer_value(json_object_get(json, "version")) == 1 &&
		       json_integer_value(json_object_get(json, "compared")) ==
			       4 &&
		       json_integer_value(
			       json_object_get(json, "differences")) == 3 &&
		       json_array_size(rows) == 4,
	       "as JSON");
	tap_is_text(json_string_value(json_object_get(json_array_get(rows, 2),
						      "finding")),
		    "underflow", "a finding's kind");
	tap_ok(json_is_null(
		       json_object_get(json_array_get(rows, 3), "container")),
	       "a finding outside containers");
	json_decref(json);
}

static void test_failure(void)
{
	struct capture c;

	nr_findings = 0;
	result = rescore_error(-5, "the walk failed");
	tap_ok(audit(&c, stderr, NULL, OPT_JSON) == STATUS_FAILURE &&
		       !strcmp(c.text, "rlimitctl: the walk failed\n"),
	       "an audit that cannot be made");
	tap_ok(audit(&c, stderr, "nope", OPT_HELP) == STATUS_FAILURE &&
		       strstr(c.text, "there is no container \"nope\""),
	       "a container that is not there");
}

int main(void)
{
	test_text();
	test_json();
	test_failure();
	return tap_done();
}
