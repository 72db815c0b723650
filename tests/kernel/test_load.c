// SPDX-License-Identifier: GPL-2.0
/*
 * Load options, and what a load leaves when it is gone: three containers at
 * most, in this one.
 */
#include "puppet.h"

#define CONTAINERS 3

FIXTURE(load){};

FIXTURE_SETUP(load)
{
	world_begin(_metadata);
}

FIXTURE_TEARDOWN(load)
{
	end_puppets();
	world_end(_metadata);
}

/* There are as many slots as were asked for; the next container is refused. */
TEST_F(load, containers)
{
	EXPECT_LT(0, make("kt-a"));
	EXPECT_LT(0, make("kt-b"));
	EXPECT_LT(0, make("kt-c"));
	EXPECT_EQ(-ENOSPC, make("kt-d"));
	EXPECT_EQ(-1, access("/sys/fs/cgroup/rescore/kt-d", F_OK));
	EXPECT_EQ(-EEXIST, make("kt-a"));
	EXPECT_EQ(0, rescore_destroy(rs, rescore_find(rs, "kt-b"), false));
	EXPECT_LT(0, make("kt-d"));
}

/* Every resource and every hook is on, or says why not. */
TEST_F(load, registry)
{
	const struct rescore_resource *resource;
	const struct rescore_hook *hook;
	unsigned int i;

	for (i = 0; i < rescore_nr_resources(rs); i++) {
		resource = rescore_resource(rs, i);
		EXPECT_EQ(i, resource->id);
		EXPECT_EQ(i, rescore_find_resource(rs, resource->name));
		EXPECT_NE('\0', resource->help[0]);
		if (resource->state != RESCORE_ON)
			EXPECT_NE('\0', resource->why[0])
		TH_LOG("%s", resource->name);
	}
	EXPECT_EQ(NULL, rescore_resource(rs, i));
	EXPECT_EQ(-ENOENT, rescore_find_resource(rs, "nothing"));
	for (i = 0; i < rescore_nr_hooks(rs); i++) {
		hook = rescore_hook(rs, i);
		if (hook->state != RESCORE_ON)
			EXPECT_NE('\0', hook->why[0])
		TH_LOG("%s", hook->name);
	}
	EXPECT_EQ(NULL, rescore_hook(rs, i));
}

/* A bound of a resource that is off is refused, not accepted and ignored. */
TEST_F(load, off)
{
	unsigned int id, n = 0;
	int slot;

	ASSERT_LT(0, slot = make("kt-a"));
	for (id = 0; id < rescore_nr_resources(rs); id++)
		if (rescore_resource(rs, id)->state != RESCORE_ON) {
			EXPECT_EQ(-EOPNOTSUPP, try_bounds(slot, id, 1, 1));
			n++;
		}
	if (!n)
		SKIP(return, "every resource is on here");
}

/* Options out of range are refused before anything is loaded. */
TEST_F(load, options)
{
	struct rescore_load_opts opts = { .containers = RESCORE_SLOTS_MAX };

	EXPECT_EQ(-EINVAL, rescore_load(&opts));
	opts = (struct rescore_load_opts){ .objects = UINT64_MAX };
	EXPECT_EQ(-EINVAL, rescore_load(&opts));
	opts = (struct rescore_load_opts){ .events = UINT_MAX };
	EXPECT_EQ(-EINVAL, rescore_load(&opts));
}

/* A read-only handle reads, and changes nothing. */
TEST_F(load, read_only)
{
	struct rescore_bounds bounds = { numfile, 1, 1 };
	struct rescore_line line;
	struct rescore *reader;
	int slot;

	ASSERT_LT(0, slot = make("kt-a"));
	ASSERT_EQ(0, rescore_open(&reader, true));
	EXPECT_EQ(slot, rescore_find(reader, "kt-a"));
	EXPECT_EQ(0, rescore_read(reader, slot, numfile, &line));
	EXPECT_EQ(-EROFS, rescore_set(reader, slot, &bounds, 1));
	EXPECT_EQ(-EROFS, rescore_set_mode(reader, slot, -1, true));
	EXPECT_EQ(-EROFS, rescore_reset(reader, slot, -1, 3));
	EXPECT_EQ(-EROFS, rescore_create(reader, "kt-b", NULL));
	EXPECT_EQ(-EROFS, rescore_attach(reader, slot, "/sys/fs/cgroup/none"));
	EXPECT_EQ(-EROFS, rescore_destroy(reader, slot, true));
	EXPECT_EQ(RESCORE_UNLIMITED, row(slot, numfile).barrier);
	rescore_close(reader);
}

/* Handles see one table: what one sets another reads at once. */
TEST_F(load, two_handles)
{
	struct rescore *other;
	struct rescore_line line;
	int slot;

	ASSERT_EQ(0, rescore_open(&other, false));
	ASSERT_LT(0, slot = make("kt-a"));
	EXPECT_EQ(slot, rescore_find(other, "kt-a"));
	set_bounds(slot, numfile, 3, 5);
	EXPECT_EQ(0, rescore_read(other, slot, numfile, &line));
	EXPECT_EQ(3, line.barrier);
	EXPECT_EQ(0, rescore_destroy(other, slot, false));
	EXPECT_EQ(NULL, rescore_container(rs, slot));
	rescore_close(other);
}

/*
 * Unload by force leaves the cgroups and their tasks alone: nothing is counted
 * or refused any more, and a new load starts from nothing.
 */
TEST_F_TIMEOUT(load, forced_unload, 240)
{
	struct rescore_load_opts opts = { .containers = CONTAINERS };
	const char *path = "/sys/fs/cgroup/rescore/kt-a";
	struct puppet *p;
	int slot;

	ASSERT_LT(0, slot = make("kt-a"));
	p = puppet_in(slot);
	set_bounds(slot, numfile, 1, 1);
	EXPECT_EQ(PUPPET_FD, puppet_open(p, "/dev/null", O_RDONLY));
	EXPECT_EQ(-ENFILE, puppet_open(p, "/dev/null", O_RDONLY));
	EXPECT_EQ(-EBUSY, rescore_unload(false));
	EXPECT_EQ(-ENFILE, puppet_open(p, "/dev/null", O_RDONLY));
	rescore_close(rs);

	EXPECT_EQ(0, rescore_unload(true));
	EXPECT_EQ(-ENOENT, rescore_unload(false));
	EXPECT_EQ(-ENOENT, rescore_open(&rs, false));
	EXPECT_EQ(-1, access(RESCORE_PIN_DIR, F_OK));
	/* although each link ends after a grace period of its own */
	EXPECT_LT(0, puppet_open(p, "/dev/null", O_RDONLY));

	ASSERT_EQ(0, rescore_load(&opts))
	TH_LOG("%s", rescore_strerror());
	ASSERT_EQ(0, rescore_open(&rs, false));
	EXPECT_EQ(0, rescore_next(rs, 0));
	/* its cgroup has a process: not taken over unasked */
	EXPECT_EQ(-EBUSY, make("kt-a"));
	ASSERT_LT(0, slot = make_at("kt-a", path));
	EXPECT_EQ(1, held(slot, numproc));
	EXPECT_EQ(0, held(slot, numfile));
	EXPECT_EQ(0, puppet_do(p, close_from, PUPPET_FD, 0, 0));
	EXPECT_EQ(0, row(slot, numfile).underflow);
	puppet_end(p);
	EXPECT_EQ(0, rescore_destroy(rs, slot, false));
	EXPECT_TRUE(eventually(rmdir(path) == 0));
}

RESCORE_TEST_MAIN(&(struct rescore_load_opts){ .containers = CONTAINERS })
