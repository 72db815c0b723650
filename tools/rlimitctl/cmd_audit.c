// SPDX-License-Identifier: GPL-2.0
#include <string.h>

#include "json.h"
#include "rlimitctl.h"
#include "text.h"

struct audit {
	const struct rescore *rs;
	bool verbose;
	unsigned int compared;
	json_t *rows;		/* NULL: for people */
	bool failed;		/* out of memory */
};

static const char *finding_name(enum rescore_finding finding)
{
	switch (finding) {
	case RESCORE_AUDIT_DIFFERENCE:
		return "difference";
	case RESCORE_AUDIT_UNDERFLOW:
		return "underflow";
	case RESCORE_AUDIT_LOST:
		return "lost";
	case RESCORE_AUDIT_KNOB:
		return "bound";
	}
	return "unknown";
}

static void report_text(const struct rescore_audit_row *row, bool differs,
			const char *container, const char *resource)
{
	char how[4 * sizeof(row->how)];

	/* @how may name a cgroup, which a container may have made. */
	escape(how, sizeof(how), row->how, strnlen(row->how, sizeof(row->how)));
	if (row->finding == RESCORE_AUDIT_LOST) {
		printf("lost: %s\n", how);
		return;
	}
	printf("%s %s: ", container, resource);
	if (differs && row->finding != RESCORE_AUDIT_DIFFERENCE)
		printf("%s: %s\n", finding_name(row->finding), how);
	else if (row->low == row->high)
		printf("held %lld, found %lld%s (%s)\n", (long long)row->held,
		       (long long)row->low, differs ? "" : ", right", how);
	else
		printf("held %lld, found %lld to %lld%s (%s)\n",
		       (long long)row->held, (long long)row->low,
		       (long long)row->high, differs ? "" : ", right", how);
}

/* clang-format off: a key and its value, one line */
static int report_json(struct audit *audit, const struct rescore_audit_row *row,
		       bool differs, const char *container,
		       const char *resource)
{
	return json_array_append_new(
		audit->rows,
		json_pack("{s:o, s:i, s:o, s:b, s:o, s:o, s:o, s:o, s:o}",
			  "container", json_text(container),
			  "slot", (int)row->slot,
			  "resource", json_text(resource),
			  "differs", (int)differs,
			  "finding", differs ||
				row->finding == RESCORE_AUDIT_LOST ?
				json_text(finding_name(row->finding)) :
				json_null(),
			  "held", json_integer(row->held),
			  "low", json_integer(row->low),
			  "high", json_integer(row->high),
			  "how", json_text(row->how)));
}
/* clang-format on */

static void report(const struct rescore_audit_row *row, bool differs, void *arg)
{
	struct audit *audit = arg;
	const struct rescore_container *container =
		row->slot ? rescore_container(audit->rs, row->slot) : NULL;
	/* Is of no row: told always, compared never. */
	bool lost = row->finding == RESCORE_AUDIT_LOST;
	const struct rescore_resource *resource =
		lost ? NULL : rescore_resource(audit->rs, row->id);

	audit->compared += !lost && row->finding != RESCORE_AUDIT_KNOB;
	if (!differs && !lost && !audit->verbose)
		return;
	if (!audit->rows)
		report_text(row, differs, container ? container->name : "-",
			    resource ? resource->name : "-");
	else if (report_json(audit, row, differs,
			     container ? container->name : NULL,
			     resource ? resource->name : NULL))
		audit->failed = true;
}

static int run(const struct invocation *inv, struct rescore *rs)
{
	struct audit audit = {
		.rs = rs,
		.verbose = inv->option[OPT_VERBOSE],
	};
	unsigned int slot = 0;
	int differences, status;

	if (inv->argc) {
		status = find_container(rs, inv->argv[0], &slot);
		if (status)
			return status;
	}
	if (inv->option[OPT_JSON]) {
		audit.rows = json_array();
		if (!audit.rows)
			return out_of_memory();
	}
	differences = rescore_audit(rs, slot, report, &audit);
	if (differences < 0 || audit.failed) {
		json_decref(audit.rows);
		return audit.failed ? out_of_memory() :
				      fail("%s", rescore_strerror());
	}
	status = 0;
	if (audit.rows)
		status = print_json(json_pack("{s:i, s:i, s:i, s:o}",
					      "version", JSON_VERSION,
					      "compared", (int)audit.compared,
					      "differences", differences,
					      "rows", audit.rows));
	else
		printf("audit: %u row%s compared, %d difference%s\n",
		       audit.compared, audit.compared == 1 ? "" : "s",
		       differences, differences == 1 ? "" : "s");
	return differences ? STATUS_FAILURE : status;
}

int cmd_audit(const struct invocation *inv)
{
	struct rescore *rs;
	int status;

	status = open_session(inv, false, &rs);
	if (status)
		return status;
	status = run(inv, rs);
	rescore_close(rs);
	return status;
}
