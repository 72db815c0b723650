// SPDX-License-Identifier: GPL-2.0
/* The documents: their keys, and how they write amounts. */
#include "capture.h"
#include "fake.h"
#include "json.h"
#include "rlimitctl.h"
#include "tap.h"

/* Compare with @want and let go of @json. */
static void is_json(json_t *json, const char *want, const char *name)
{
	char *text = json ? json_dumps(json, JSON_COMPACT | JSON_ENCODE_ANY) :
			    NULL;

	tap_is_text(text, want, name);
	free(text);
	json_decref(json);
}

static void test_scalars(void)
{
	is_json(json_amount(0), "0", "amount 0");
	is_json(json_amount(RESCORE_UNLIMITED), "null", "amount unlimited");
	is_json(json_amount(RESCORE_BOUND_MAX), "4611686018427387904",
		"the largest amount");
	is_json(json_amount(-1), "-1", "a negative amount");
	is_json(json_count(UINT64_MAX), "9223372036854775807",
		"a count beyond JSON's integers");
	is_json(json_text(NULL), "null", "no text");
	is_json(json_text(""), "null", "empty text");
	is_json(json_text("a\"b\\c\n"), "\"a\\\"b\\\\c\\n\"", "text");
	is_json(json_text("m\xc3\xbcller"), "\"m\xc3\xbcller\"", "UTF-8");
	is_json(json_text("a\xff"), "\"a\\\\xff\"", "what is no UTF-8");
	is_json(json_time(0), "null", "no time");
	is_json(json_time(1795428672345678901LL),
		"\"2026-11-23T10:11:12.345Z\"", "a time");
	tap_ok(!errno_name(0), "no errno");
	tap_is_text(errno_name(23), "ENFILE", "an errno");
	tap_ok(!errno_name(99999), "not an errno");
}

static void test_rows(void)
{
	struct rescore_line line = {
		.held = 12,
		.maxheld = 20,
		.failcnt = 3,
		.barrier = 20,
		.limit = RESCORE_UNLIMITED,
		.flags = RESCORE_OBSERVE,
	};

	is_json(json_line(&fake_registry[0], &line),
		"{\"unit\":\"count\",\"held_unit\":\"count\","
		"\"maxheld_unit\":\"count\",\"state\":\"on\","
		"\"delegated\":false,\"counted\":true,\"held\":12,\"maxheld\":20,"
		"\"barrier\":20,\"limit\":null,\"failcnt\":3,\"underflow\":0,"
		"\"mode\":\"observe\"}",
		"a row");
	is_json(json_resource(&fake_registry[0]),
		"{\"name\":\"numproc\",\"id\":0,\"unit\":\"count\","
		"\"controller\":\"numproc\",\"errno\":\"EAGAIN\","
		"\"deniable\":true,\"delegated\":false,\"moves\":true,"
		"\"ubc_index\":6,\"state\":\"on\",\"why\":null,"
		"\"help\":\"processes and threads\"}",
		"a resource");
	is_json(json_resource(&fake_registry[2]),
		"{\"name\":\"numsiginfo\",\"id\":2,\"unit\":\"count\","
		"\"controller\":\"signals\",\"errno\":\"EAGAIN\","
		"\"deniable\":false,\"delegated\":false,\"moves\":false,"
		"\"ubc_index\":null,\"state\":\"off\","
		"\"why\":\"this kernel lacks a hook\","
		"\"help\":\"queued signals\"}",
		"a resource that is off");
}

static void test_container(void)
{
	const struct rescore_container *c = rescore_container(&fake_rs, 3);

	is_json(json_container(&fake_rs, 3, c),
		"{\"name\":\"database\",\"slot\":3,\"serial\":2,\"created\":null,"
		"\"parent\":null,\"processes\":0,\"cgroups\":[]}",
		"a container");
	fake_containers[3].parent = 1;
	is_json(json_container(&fake_rs, 3, c),
		"{\"name\":\"database\",\"slot\":3,\"serial\":2,\"created\":null,"
		"\"parent\":\"web\",\"processes\":0,\"cgroups\":[]}",
		"a container below another");
}

static void test_print(void)
{
	struct capture c;
	int status;

	capture_begin(&c, stdout);
	print_json(json_pack("{s:i}", "version", 1));
	tap_is_text(capture_end(&c), "{\n  \"version\": 1\n}\n", "a document");
	capture_begin(&c, stdout);
	print_json_line(json_pack("{s:i}", "version", 1));
	tap_is_text(capture_end(&c), "{\"version\":1}\n", "a line");
	capture_begin(&c, stderr);
	status = print_json(NULL);
	tap_ok(status == STATUS_FAILURE &&
		       !strcmp(capture_end(&c), "rlimitctl: out of memory\n"),
	       "a document that could not be built");
}

int main(void)
{
	test_scalars();
	test_rows();
	test_container();
	test_print();
	return tap_done();
}
