// SPDX-License-Identifier: GPL-2.0
/*
 * Containers: make, find, kill and destroy them, and who belongs to one.
 */
#include "cgroups.h"

/* A container can be found by its name while it lives, and by nothing after. */
TEST_F(container, create_find_destroy)
{
	int slot = make("kt-a");

	ASSERT_LT(0, slot);
	EXPECT_EQ(slot, rescore_find(rs, "kt-a"));
	EXPECT_STREQ("kt-a", rescore_container(rs, slot)->name);
	EXPECT_EQ(-ENOENT, rescore_find(rs, "kt-b"));
	EXPECT_EQ(-EEXIST, make("kt-a"));
	EXPECT_EQ(0, access("/sys/fs/cgroup/rescore/kt-a", F_OK));

	EXPECT_EQ(0, rescore_destroy(rs, slot, false));
	EXPECT_EQ(-ENOENT, rescore_find(rs, "kt-a"));
	EXPECT_EQ(NULL, rescore_container(rs, slot));
	EXPECT_EQ(-1, access("/sys/fs/cgroup/rescore/kt-a", F_OK));
	EXPECT_EQ(-ENOENT, rescore_destroy(rs, slot, false));
}

/* What is no name is refused with -EINVAL and a reason. */
TEST_F(container, names)
{
	static const char *const bad[] = {
		"",
		".hidden",
		"-option",
		"a/b",
		"a b",
		"ümlaut",
		"0123456789012345678901234567890123456789012345678901234567890123",
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++)
		EXPECT_EQ(-EINVAL, make(bad[i]))
	TH_LOG("name %u", i);
	EXPECT_LT(
		0,
		make("012345678901234567890123456789012345678901234567890123456789012"));
	EXPECT_LT(0, make("kt_A.b:c@d-e"));
}

/* A name that is a number takes the slot of that number, if it is free. */
TEST_F(container, numeric_name)
{
	int other;

	EXPECT_EQ(PRIME, make("23"));
	other = make("023");
	EXPECT_LT(0, other);
	EXPECT_NE(PRIME, other);
	other = make("99999999");
	EXPECT_LT(0, other);
	EXPECT_GT(PRIME, other);
}

/* next walks the live containers in the order of their slots, and no others. */
TEST_F(container, next)
{
	int a = make("7"), b = make("5"), c = make("11"), d = make("8");

	EXPECT_EQ(0, rescore_destroy(rs, d, false));
	EXPECT_EQ(b, rescore_next(rs, 4));
	EXPECT_EQ(a, rescore_next(rs, b));
	EXPECT_EQ(c, rescore_next(rs, a));
	EXPECT_EQ(0, rescore_next(rs, c));
	EXPECT_EQ(0, rescore_next(rs, UINT_MAX - 1));
}

/* A slot that is used again starts from nothing; a serial number never again. */
TEST_F(container, reused_slot)
{
	struct rescore_line line;
	struct puppet *p;
	uint64_t serial;
	int slot;

	ASSERT_EQ(PRIME, slot = make("23"));
	serial = rescore_container(rs, slot)->serial;
	set_bounds(slot, numfile, 3, 5);
	p = puppet_in(slot);
	EXPECT_EQ(3, puppet_do(p, open_many, "/dev/null", PRIME, O_RDONLY));
	puppet_end(p);
	ASSERT_EQ(0, rescore_destroy(rs, slot, false));

	ASSERT_EQ(PRIME, make("23"));
	EXPECT_LT(serial, rescore_container(rs, slot)->serial);
	line = row(slot, numfile);
	EXPECT_EQ(0, line.held);
	EXPECT_EQ(0, line.maxheld);
	EXPECT_EQ(0, line.peak);
	EXPECT_EQ(0, line.failcnt);
	EXPECT_EQ(RESCORE_UNLIMITED, line.barrier);
	EXPECT_EQ(RESCORE_UNLIMITED, line.limit);
}

/* A new child cgroup is in its parent's container, at every depth, until rmdir. */
TEST_F(container, inherit)
{
	char path[PATH_MAX];
	struct puppet *p;
	int slot, i;

	ASSERT_LT(0, slot = make("kt-a"));
	p = puppet_in(slot);
	strcpy(path, path_of(slot));
	for (i = 1; i <= 7; i++) {
		strcat(path, "/child");
		ASSERT_EQ(0, mkdir(path, 0755));
		EXPECT_EQ(1 + i, count_members(slot));
		EXPECT_EQ(0, move_to_path(p->pid, path));
		EXPECT_EQ(slot, rescore_container_of(rs, p->pid));
		EXPECT_LE(0, puppet_open(p, "/dev/null", O_RDONLY));
		EXPECT_EQ(i, held(slot, numfile));
		EXPECT_EQ(1, held(slot, numproc));
	}
	EXPECT_EQ(1, rescore_nr_processes(rs, slot));
	puppet_end(p);
	for (; i > 1; i--) {
		EXPECT_TRUE(eventually(rmdir(path) == 0));
		EXPECT_EQ(i - 1, count_members(slot));
		*strrchr(path, '/') = '\0';
	}
}

/* Many cgroups that come and go leave nothing in the table of members. */
TEST_F(container, members_come_and_go)
{
	const char *path;
	int slot, i, j;

	ASSERT_LT(0, slot = make("kt-a"));
	for (i = 0; i < PRIME; i++) {
		for (j = 0; j < PRIME; j++) {
			path = text("%s/%d", path_of(slot), j);
			ASSERT_EQ(0, mkdir(path, 0755));
		}
		EXPECT_EQ(1 + PRIME, count_members(slot));
		for (j = 0; j < PRIME; j++) {
			path = text("%s/%d", path_of(slot), j);
			ASSERT_EQ(0, rmdir(path));
		}
		EXPECT_EQ(1, count_members(slot));
	}
	EXPECT_EQ(0, rescore_meta(rs)->members_overflow);
}

static void *reap_all(void *arg)
{
	while (waitpid(-1, NULL, 0) > 0)
		;
	return arg;
}

/* A container with processes is not destroyed, unless by force. */
TEST_F(container, destroy_busy)
{
	pthread_t reaper;
	struct puppet *p;
	int slot;

	ASSERT_LT(0, slot = make("kt-a"));
	p = puppet_in(slot);
	set_bounds(slot, numfile, 0, 0);
	EXPECT_EQ(-EBUSY, rescore_destroy(rs, slot, false));
	EXPECT_EQ(slot, rescore_find(rs, "kt-a"));
	EXPECT_EQ(-ENFILE, puppet_open(p, "/dev/null", O_RDONLY));
	EXPECT_EQ(1, held(slot, numproc));

	/* killed, but counted until somebody reaps: here */
	EXPECT_LT(0, puppet_do(p, fork_idle, 0, 0, 0));
	ASSERT_EQ(0, pthread_create(&reaper, NULL, reap_all, NULL));
	EXPECT_EQ(0, rescore_destroy(rs, slot, true));
	EXPECT_EQ(-ENOENT, rescore_find(rs, "kt-a"));
	pthread_join(reaper, NULL);
	EXPECT_EQ(-ENOTCONN, puppet_answer(p));
	puppet_forget(p);
}

/*
 * A file that was passed out keeps the slot of its payer: not destroyed without
 * force, and with it not used again until the file is closed.
 */
TEST_F(container, destroy_while_file_is_out)
{
	struct puppet *p, *q;
	int a, b, other;

	ASSERT_EQ(PRIME, a = make("23"));
	ASSERT_LT(0, b = make("kt-b"));
	p = puppet_in(a);
	q = puppet_in(b);
	EXPECT_EQ(PUPPET_FD, puppet_open(p, "/dev/null", O_RDONLY));
	EXPECT_EQ(0, puppet_do(p, pass_fd, PUPPET_FD, 0, 0));
	EXPECT_LE(0, puppet_do(q, take_fd, 0, 0, 0));
	puppet_end(p);
	EXPECT_HELD(1, a, numfile);
	EXPECT_HELD(0, a, numproc);
	EXPECT_EQ(0, held(b, numfile));
	EXPECT_CLEAN_AUDIT(0);

	EXPECT_EQ(-EBUSY, rescore_destroy(rs, a, false));
	EXPECT_EQ(a, rescore_find(rs, "23"));
	EXPECT_EQ(0, rescore_destroy(rs, a, true));
	EXPECT_EQ(-ENOENT, rescore_find(rs, "23"));
	EXPECT_EQ(NULL, rescore_container(rs, a));
	other = rescore_create(rs, "23", NULL);
	EXPECT_LT(0, other);
	EXPECT_NE(a, other);
	EXPECT_EQ(0, held(other, numfile));
	EXPECT_EQ(0, rescore_destroy(rs, other, false));

	puppet_end(q);
	EXPECT_TRUE(eventually(({
		other = rescore_create(rs, "23", NULL);
		rescore_destroy(rs, other, false);
		other == a;
	})));
}

/* kill sends to every process of every cgroup, and says how many there were. */
TEST_F(container, kill)
{
	struct puppet *p, *q;
	const char *path;
	int slot, status;

	ASSERT_LT(0, slot = make("kt-a"));
	EXPECT_EQ(0, rescore_kill(rs, slot, SIGTERM));
	EXPECT_EQ(-EINVAL, rescore_kill(rs, slot, 0));
	EXPECT_EQ(-EINVAL, rescore_kill(rs, slot, 999));
	p = puppet_in(slot);
	q = puppet_in(slot);
	path = text("%s/child", path_of(slot));
	EXPECT_EQ(0, mkdir(path, 0755));
	EXPECT_EQ(0, move_to_path(q->pid, path));
	EXPECT_EQ(2, rescore_kill(rs, slot, SIGTERM));
	EXPECT_EQ(p->pid, waitpid(p->pid, &status, 0));
	EXPECT_EQ(SIGTERM, WTERMSIG(status));
	EXPECT_EQ(q->pid, waitpid(q->pid, &status, 0));
	EXPECT_EQ(SIGTERM, WTERMSIG(status));
	puppet_forget(p);
	puppet_forget(q);
	EXPECT_EQ(0, rescore_nr_processes(rs, slot));
}

/* A second load is refused, and an unload while there are containers. */
TEST_F(container, load_and_unload_refused)
{
	struct puppet *p;
	int slot;

	EXPECT_EQ(-EEXIST, rescore_load(NULL));
	ASSERT_LT(0, slot = make("kt-a"));
	EXPECT_EQ(-EBUSY, rescore_unload(false));
	set_bounds(slot, numfile, 1, 1);
	p = puppet_in(slot);
	EXPECT_EQ(1, puppet_do(p, open_many, "/dev/null", 3, O_RDONLY));
}

RESCORE_TEST_MAIN(NULL)
