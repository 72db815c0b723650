// SPDX-License-Identifier: GPL-2.0
/* meta.json: version 1 is read and written as golden/meta.json has it. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "meta.h"
#include "say.h"
#include "tap.h"

static struct blob read_golden(void)
{
	char path[512] = __FILE__;
	struct blob text = {};
	int fd;

	strcpy(strrchr(path, '/'), "/golden/meta.json");
	fd = open(path, O_RDONLY);
	if (fd < 0 || blob_read(fd, &text))
		tap_ok(false, "cannot read %s", path);
	close(fd);
	return text;
}

static void test_golden(const struct blob *golden)
{
	const struct meta_resource *r;
	struct blob again = {};
	struct meta meta = {};
	unsigned int set = 0;

	if (!tap_ok(!meta_parse(golden, &meta), "the golden file is read"))
		return;
	tap_is_text(meta.id.name, "web-0042", "name");
	tap_is_int((int64_t)meta.id.serial, 17, "serial");
	tap_is_int(meta.id.created, 1763942399, "created");
	tap_is_int(meta.first, 1763942460, "first");
	tap_ok(meta.step == 60 && meta.cap_step == 3600, "steps");
	tap_is_int(meta.nr_sets, 2, "two sets of files");
	r = meta_find(&meta, "cpuunits", &set);
	tap_ok(r && set == 1, "a resource that came later");
	r = meta_find(&meta, "privvmpages", &set);
	tap_ok(r && !set && r->unit == RESCORE_PAGES, "one of the first");
	tap_ok(r && r->nr_changes == 2 &&
		       r->change[0].bounds.limit == RESCORE_UNLIMITED &&
		       r->change[1].stamp == 1763946060 &&
		       r->change[1].bounds.barrier == 262144 &&
		       r->change[1].bounds.limit == 1LL << 62,
	       "its bounds");
	tap_ok(!meta_find(&meta, "nothing", NULL), "an unknown one");
	if (tap_ok(!meta_format(&meta, &again), "it is written"))
		tap_ok(again.len == golden->len &&
			       !memcmp(again.data, golden->data, again.len),
		       "as it was, byte for byte");
	blob_free(&again);
	meta_free(&meta);
}

static void is_refused(const char *json, const char *why, const char *name)
{
	struct blob text = { .data = (char *)json, .len = strlen(json) };
	struct meta meta = {};
	int err = meta_parse(&text, &meta);

	tap_ok(err == -EPROTO && strstr(failure(), why), "%s: %s", name,
	       failure());
	if (!err)
		meta_free(&meta);
}

#define HEAD "{\"version\":1,\"name\":\"a\",\"serial\":1,\"created\":1," \
	     "\"first\":1,"
#define BODY "\"step\":60,\"cap_step\":3600,\"sets\":"

static void test_refused(void)
{
	is_refused("", "damaged", "empty");
	is_refused("{}", "damaged", "no version");
	is_refused("{\"version\":2}", "version 2", "a newer one");
	is_refused("{\"version\":1}", "damaged", "version only");
	is_refused(HEAD BODY "7}", "damaged", "sets are no array");
	is_refused(HEAD BODY "[[]]}", "damaged", "an empty set");
	is_refused(HEAD "\"step\":7,\"cap_step\":420,\"sets\":[]}", "damaged",
		   "an impossible step");
	is_refused(HEAD "\"step\":60,\"cap_step\":60,\"sets\":[]}", "damaged",
		   "a wrong cap_step");
	is_refused(HEAD BODY "[[{\"name\":\"../x\",\"unit\":\"count\","
			     "\"bounds\":[]}]]}",
		   "damaged", "a path for a name");
	is_refused(HEAD BODY "[[{\"name\":\"x\",\"unit\":\"miles\","
			     "\"bounds\":[]}]]}",
		   "damaged", "an unknown unit");
	is_refused(HEAD BODY "[[{\"name\":\"x\",\"unit\":\"count\","
			     "\"bounds\":[[1,2]]}]]}",
		   "damaged", "half a bound");
	is_refused(HEAD BODY "[[{\"name\":\"x\",\"unit\":\"count\","
			     "\"bounds\":[[1,-2,3]]}]]}",
		   "damaged", "a bound below 0");
	is_refused(HEAD BODY "[[{\"name\":\"x\",\"unit\":\"count\","
			     "\"bounds\":[[1,\"2\",3]]}]]}",
		   "damaged", "a bound in words");
}

/* Whatever the damage: no crash (the sanitizers watch), no half a result. */
static void test_damage(const struct blob *golden)
{
	static const char letters[] = "0123456789[]{},\":nul";
	uint64_t seed = 1;
	int read = 0;

	for (int i = 0; i < 20000; i++) {
		struct blob text = { .len = golden->len };
		struct meta meta = {};

		text.data = malloc(golden->len + 1);
		memcpy(text.data, golden->data, golden->len + 1);
		for (uint64_t n = tap_random(&seed) % 3 + 1; n; n--)
			text.data[tap_random(&seed) % text.len] =
				i % 8 ? letters[tap_random(&seed) %
						(sizeof(letters) - 1)] :
					(char)tap_random(&seed);
		if (i % 8 == 1)
			text.len = tap_random(&seed) % text.len;
		if (!meta_parse(&text, &meta)) {
			read++;
			meta_free(&meta);
		}
		free(text.data);
	}
	tap_ok(read > 0 && read < 20000,
	       "20000 damaged files, %d of them "
	       "still good",
	       read);
}

static void test_sets(void)
{
	struct meta meta;
	unsigned int set = 9, nr;
	char name[16];

	meta_init(&meta);
	for (int i = 0; i < META_SET_MAX + 4; i++) {
		snprintf(name, sizeof(name), "r%d", i);
		meta_add(&meta, name, RESCORE_COUNT, 0);
	}
	tap_is_int(meta.nr_sets, 2, "30 resources are two sets");
	tap_is_int(meta.set[0].nr, META_SET_MAX, "the first is full");

	nr = meta.nr_sets;
	meta_add(&meta, "r1", RESCORE_COUNT, nr);
	tap_is_int(meta.nr_sets, 2, "one that is there adds nothing");
	meta_add(&meta, "late", RESCORE_COUNT, nr);
	meta_add(&meta, "later", RESCORE_BYTES, nr);
	tap_ok(meta.nr_sets == 3 && meta.set[2].nr == 2,
	       "late ones share files of their own");
	meta_add(&meta, "r1", RESCORE_PAGES, 3);
	tap_ok(meta_find(&meta, "r1", &set)->unit == RESCORE_PAGES && set == 3,
	       "another unit is another resource");
	for (nr = 4; nr < META_SETS_MAX; nr++) {
		snprintf(name, sizeof(name), "s%u", nr);
		meta_add(&meta, name, RESCORE_COUNT, nr);
	}
	tap_ok(!meta_add(&meta, "toomany", RESCORE_COUNT, META_SETS_MAX),
	       "all sets are full");
	meta_free(&meta);
}

static void test_changes(void)
{
	struct meta_resource r = { .name = "x" };
	struct bounds_change c = { .stamp = 100, .bounds = { 1, 2 } };

	tap_ok(meta_change(&r, &c), "the first");
	tap_ok(!meta_change(&r, &c), "the same again is none");
	c.stamp = 50;
	c.bounds.limit = 3;
	tap_ok(!meta_change(&r, &c), "nor one of the past");
	for (int i = 0; i < 2 * META_CHANGES_MAX; i++) {
		c.stamp = 200 + i;
		c.bounds.limit = 1000 + i;
		meta_change(&r, &c);
	}
	tap_ok(r.nr_changes == META_CHANGES_MAX &&
		       r.change[META_CHANGES_MAX - 1].bounds.limit == 1031 &&
		       r.change[0].bounds.limit == 1016,
	       "the last 16 are kept");
}

int main(void)
{
	struct blob golden = read_golden();

	if (golden.data) {
		test_golden(&golden);
		test_damage(&golden);
	}
	test_refused();
	test_sets();
	test_changes();
	blob_free(&golden);
	return tap_done();
}
