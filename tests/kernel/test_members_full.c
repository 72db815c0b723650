// SPDX-License-Identifier: GPL-2.0
/*
 * A container that makes more cgroups than can be recorded: what is in the
 * others is counted all the same, at whatever depth.
 */
#include "puppet.h"

#define OUTER	110
#define INNER	100
#define DEEP	211	/* a prime; deeper than any tree that people make */

FIXTURE(members)
{
	int slot;
	struct puppet *p;
	char path[PATH_MAX];
};

/* Go to @path and make OUTER * INNER cgroups there. 0 or -errno. */
static long make_cgroups(long path, long b, long c)
{
	int i, j;

	if (chdir((const char *)path))
		return -errno;
	for (i = 0; i < OUTER; i++) {
		if (mkdir(text("%d", i), 0755))
			return -errno;
		for (j = 0; j < INNER; j++)
			if (mkdir(text("%d/%d", i, j), 0755))
				return -errno;
	}
	return 0;
}

FIXTURE_SETUP(members)
{
	const struct rescore_meta *meta;
	long room;

	world_begin(_metadata);
	meta = rescore_meta(rs);
	room = (RESCORE_BUCKET_ENTRIES + 1) << meta->members_bits;
	ASSERT_LT(room, OUTER * (INNER + 1));
	ASSERT_LT(0, self->slot = make("kt-a"));
	strcpy(self->path, path_of(self->slot));
	self->p = puppet_in(self->slot);
	strcpy(shm->scratch, self->path);
	ASSERT_EQ(0, puppet_do(self->p, make_cgroups, shm->scratch, 0, 0));
	EXPECT_LT(0, meta->members_overflow);
	EXPECT_LE(OUTER * (INNER + 1) - room,
		  meta->members_lost - shm->members_lost);
}

static int remove_dir(const char *path, const struct stat *st, int type,
		      struct FTW *ftw)
{
	if (type == FTW_DP)
		rmdir(path);
	return 0;
}

FIXTURE_TEARDOWN(members)
{
	const char *dir = self->path;

	end_puppets();
	nftw(dir, remove_dir, 8, FTW_DEPTH | FTW_PHYS);
	EXPECT_EQ(-1, access(dir, F_OK));
	EXPECT_EQ(0, rescore_meta(rs)->members_overflow);
	shm->members_lost = rescore_meta(rs)->members_lost;
	world_end(_metadata);
}

/* Into new cgroups, one below the other, from where none is recorded. */
static long dig(long depth, long b, long c)
{
	while (depth--)
		if (mkdir("x", 0755) || chdir("x"))
			return -errno;
	return move_to_path(0, ".");
}

static void expect_inside(struct __test_metadata *_metadata, int slot,
			  struct puppet *p)
{
	EXPECT_EQ(1, held(slot, numproc));
	EXPECT_EQ(slot, rescore_container_of(rs, p->pid));
	EXPECT_EQ(-EAGAIN, puppet_do(p, fork_idle, 0, 0, 0));
	EXPECT_EQ(-ENFILE, puppet_open(p, "/dev/null", O_RDONLY));
}

/*
 * A task in a cgroup that was not recorded counts, and is refused; one that
 * digs down from there does not get out.
 */
TEST_F_TIMEOUT(members, counted, 200)
{
	struct rescore_event event;
	uint64_t cursor = 0;
	bool said = false;
	const char *path;
	int i;

	set_bounds(self->slot, numproc, 1, 1);
	for (i = OUTER - 1; i >= 0; i -= 31) {
		path = text("%s/%d/%d", self->path, i, INNER - 1);
		ASSERT_EQ(0, move_to_path(self->p->pid, path));
		set_bounds(self->slot, numfile, 0, 0);
		expect_inside(_metadata, self->slot, self->p);
	}
	for (i = 0; i < DEEP; i += 30) {
		set_bounds(self->slot, numfile, 100, 100);
		ASSERT_EQ(0, puppet_do(self->p, dig, 30, 0, 0));
		set_bounds(self->slot, numfile, 0, 0);
		expect_inside(_metadata, self->slot, self->p);
	}
	while (!said && rescore_next_event(rs, &cursor, &event, NULL))
		said = event.kind == RESCORE_EV_NO_MEMBER &&
		       event.slot == self->slot;
	EXPECT_TRUE(said);
	/* and so says the audit, but no row is wrong */
	EXPECT_CLEAN_AUDIT(self->slot);
}

/* Nobody else suffers from it: the administrator makes containers, there and inside. */
TEST_F_TIMEOUT(members, neighbours, 200)
{
	int slot[2], i;
	struct puppet *q;

	slot[0] = make("kt-b");
	slot[1] = make_below("kt-c", NULL, self->slot);
	for (i = 0; i < 2; i++) {
		ASSERT_LT(0, slot[i])
		{
			TH_LOG("%s", rescore_strerror());
		}
		q = puppet_in(slot[i]);
		EXPECT_EQ(1, held(slot[i], numproc));
		set_bounds(slot[i], numfile, 0, 0);
		EXPECT_EQ(-ENFILE, puppet_open(q, "/dev/null", O_RDONLY));
		EXPECT_EQ(slot[i], rescore_container_of(rs, q->pid));
		EXPECT_CLEAN_AUDIT(slot[i]);
		puppet_end(q);
		EXPECT_HELD(0, slot[i], numproc);
	}
	/* those below it first: its cgroup is in the way of what the end removes */
	for (i = 1; i >= 0; i--)
		EXPECT_EQ(0, rescore_destroy(rs, slot[i], false));
}

static const struct rescore_load_opts load_opts = {
	.containers = 3,
	.only = "files,numproc",
};

RESCORE_TEST_MAIN(&load_opts)
