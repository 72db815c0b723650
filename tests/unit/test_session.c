// SPDX-License-Identifier: GPL-2.0
/* From words to containers, resources, bounds and signals. */
#include <signal.h>

#include "capture.h"
#include "fake.h"
#include "rlimitctl.h"
#include "tap.h"

#define UNL RESCORE_UNLIMITED

static bool said(const struct capture *err, const char *what)
{
	const char *newline = strchr(err->text, '\n');

	if (strstr(err->text, what) && newline && !newline[1])
		return true;
	printf("# said: %s\n# want: %s\n", err->text, what);
	return false;
}

static void test_containers(void)
{
	static const struct {
		const char *name, *said;
	} bad[] = {
		{ "wbe", "no container \"wbe\": did you mean \"web\"?" },
		{ "frobnicate",
		  "no container \"frobnicate\": see `rlimitctl list`" },
		{ "", "it is empty" },
		{ "a/b", "\"a/b\" is no container name" },
		{ "a\nb", "\"a\\nb\" is no container name" },
	};
	unsigned int slot = 99;
	struct capture err;
	size_t i;

	tap_ok(!find_container(&fake_rs, "web", &slot) && slot == 1, "web");
	tap_ok(!find_container(&fake_rs, "database", &slot) && slot == 3,
	       "database");
	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		int status;

		slot = 99;
		capture_begin(&err, stderr);
		status = find_container(&fake_rs, bad[i].name, &slot);
		capture_end(&err);
		tap_ok(status == STATUS_FAILURE && slot == 99 &&
			       said(&err, bad[i].said),
		       "no container %zu", i);
	}
}

static void test_resources(void)
{
	unsigned int id = 99;
	struct capture err;
	int status;

	tap_ok(!find_resource(&fake_rs, "numsiginfo", &id) && id == 2,
	       "a resource that is off is found");
	id = 99;
	capture_begin(&err, stderr);
	status = find_resource(&fake_rs, "numprocs", &id);
	capture_end(&err);
	tap_ok(status == STATUS_FAILURE && id == 99 &&
		       said(&err,
			    "unknown resource \"numprocs\": did you mean \"numproc\"?"),
	       "a near resource");
	capture_begin(&err, stderr);
	find_resource(&fake_rs, "", &id);
	capture_end(&err);
	tap_ok(said(&err, "unknown resource \"\": see `rlimitctl resources`"),
	       "no resource");
}

static void test_assignments(void)
{
	static const struct {
		const char *words[3];
		const char *said;	/* NULL: good */
	} cases[] = {
		{ { "numproc=20" }, NULL },
		{ { "numproc=20:30", "privvmpages=1G" }, NULL },
		{ { "numproc" }, "\"numproc\" sets nothing: say RES" },
		{ { "=5" }, "unknown resource \"\"" },
		{ { "numprocs=5" }, "did you mean \"numproc\"?" },
		{ { "numproc=" }, "numproc=: \"\" is not a number" },
		{ { "numproc=5k" }, "numproc=5k: \"5k\" has a suffix" },
		{ { "numproc=-1" }, "numproc=-1: \"-1\" is negative" },
		{ { "numproc=2:1" },
		  "\"2:1\": the barrier is above the limit" },
		{ { "numproc=1", "privvmpages=x" }, "privvmpages=x: \"x\"" },
		{ { "numproc=1", "numproc=2" },
		  "\"numproc=1\" and \"numproc=2\" set one resource twice" },
		{ { "numsiginfo=5" },
		  "\"numsiginfo=5\": numsiginfo is off on this machine: this kernel lacks a hook" },
		{ { "numproc=5=6" }, "\"5=6\" is not a number" },
	};
	struct rescore_bounds bounds[3];
	struct capture err;
	size_t i, n;
	int status;

	for (i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		for (n = 0; n < 3 && cases[i].words[n]; n++)
			;
		capture_begin(&err, stderr);
		status = parse_assignments(&fake_rs,
					   (char *const *)cases[i].words, n,
					   bounds);
		capture_end(&err);
		tap_ok(cases[i].said ? status == STATUS_FAILURE &&
					       said(&err, cases[i].said) :
				       !status && !*err.text,
		       "assignment %zu", i);
	}
	parse_assignments(&fake_rs, (char *[]){ "privvmpages=1G:unlimited" }, 1,
			  bounds);
	tap_ok(bounds[0].id == 1 && bounds[0].barrier == 262144 &&
		       bounds[0].limit == UNL,
	       "an assignment's bounds");
}

static void test_signals(void)
{
	static const struct {
		const char *text;
		int want;
	} cases[] = {
		{ "KILL", SIGKILL },
		{ "SIGKILL", SIGKILL },
		{ "kill", SIGKILL },
		{ "sigterm", SIGTERM },
		{ "9", 9 },
		{ "64", 64 },
		{ "HUP", SIGHUP },
		{ "USR1", SIGUSR1 },
		{ "65", -1 },
		{ "0", -1 },
		{ "-9", -1 },
		{ "", -1 },
		{ "SIG", -1 },
		{ "9x", -1 },
		{ "KILLX", -1 },
		{ "SIGSIGKILL", -1 },
		{ "99999999999", -1 },
		{ " KILL", -1 },
		{ "RTMIN+", -1 },
		{ "RTMIN+99", -1 },
		{ "RTMIN-1", -1 },
		{ "RTMAX+1", -1 },
	};
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		tap_is_int(parse_signal(cases[i].text), cases[i].want,
			   "a signal");
	tap_is_int(parse_signal("RTMIN"), SIGRTMIN, "RTMIN");
	tap_is_int(parse_signal("SIGRTMIN+2"), SIGRTMIN + 2, "SIGRTMIN+2");
	tap_is_int(parse_signal("rtmax-1"), SIGRTMAX - 1, "rtmax-1");
	tap_is_int(parse_signal("RTMAX"), SIGRTMAX, "RTMAX");
}

int main(void)
{
	test_containers();
	test_resources();
	test_assignments();
	test_signals();
	return tap_done();
}
