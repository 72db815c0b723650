// SPDX-License-Identifier: GPL-2.0
/*
 * Cgroups of others: attach them to a container, with what runs in them, and take
 * them away again.
 */
#include "cgroups.h"

static void make_tree(void)
{
	mkdir(BASE, 0755);
	mkdir(BASE "/x", 0755);
	mkdir(BASE "/x/y", 0755);
	mkdir(BASE "/x/y/z", 0755);
	mkdir(BASE "/other", 0755);
}

/* Running tasks of an attached subtree count at once; files they hold do not. */
TEST_F(container, attach_running)
{
	struct puppet *p, *q;
	long child;
	int slot;

	make_tree();
	p = puppet_in(0);
	q = puppet_in(0);
	EXPECT_EQ(PUPPET_FD, puppet_open(p, "/dev/null", O_RDONLY));
	EXPECT_LT(0, child = puppet_do(p, fork_idle, 0, 0, 0));
	EXPECT_EQ(0, puppet_do(q, threads_start, 3, 0, 0));
	EXPECT_EQ(0, move_to_path(p->pid, BASE "/x"));
	EXPECT_EQ(0, move_to_path(child, BASE "/x/y/z"));
	EXPECT_EQ(0, move_to_path(q->pid, BASE "/x/y"));

	ASSERT_LT(0, slot = make_at("kt-a", BASE "/x"));
	EXPECT_EQ(1 + 1 + 4, held(slot, numproc));
	EXPECT_EQ(3, rescore_nr_processes(rs, slot));
	EXPECT_EQ(0, held(slot, numfile));
	EXPECT_EQ(slot, rescore_container_of(rs, child));
	EXPECT_EQ(PUPPET_FD + 1, puppet_open(p, "/dev/null", O_RDONLY));
	EXPECT_EQ(1, held(slot, numfile));
	EXPECT_EQ(0, puppet_close(p, PUPPET_FD));
	EXPECT_EQ(0, puppet_close(p, PUPPET_FD + 1));
	EXPECT_HELD(0, slot, numfile);
	EXPECT_CLEAN_AUDIT(slot);

	/* an attached cgroup stays, and is the host's again */
	puppet_end(p);
	puppet_end(q);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	EXPECT_EQ(0, rescore_destroy(rs, slot, false));
	EXPECT_EQ(0, access(BASE "/x/y/z", F_OK));
	EXPECT_EQ(0, count_members(slot));
}

/* What is detached runs on, is the host's, and pays only for what it opened. */
TEST_F(container, detach)
{
	struct puppet *p;
	int slot;

	make_tree();
	p = puppet_in(0);
	EXPECT_EQ(0, move_to_path(p->pid, BASE "/x/y"));
	ASSERT_LT(0, slot = make("kt-a"));
	EXPECT_EQ(-ENOENT, rescore_detach(rs, slot, BASE "/x"));
	ASSERT_EQ(0, rescore_attach(rs, slot, BASE "/x"));
	EXPECT_EQ(0, puppet_do(p, threads_start, 3, 0, 0));
	EXPECT_EQ(4, held(slot, numproc));
	EXPECT_EQ(PUPPET_FD, puppet_open(p, "/dev/null", O_RDONLY));

	EXPECT_EQ(-ENOENT, rescore_detach(rs, slot, BASE "/x/y"));
	EXPECT_EQ(-ENOENT, rescore_detach(rs, slot, BASE "/none"));
	EXPECT_EQ(-ENOENT, rescore_detach(rs, 999, BASE "/x"));
	EXPECT_EQ(-EINVAL, rescore_detach(rs, slot, path_of(slot)));
	EXPECT_EQ(4, held(slot, numproc));

	EXPECT_EQ(0, rescore_detach(rs, slot, BASE "/x"));
	EXPECT_EQ(0, held(slot, numproc));
	EXPECT_EQ(1, count_members(slot));
	EXPECT_EQ(1, held(slot, numfile));
	EXPECT_EQ(0, rescore_container_of(rs, p->pid));
	EXPECT_EQ(PUPPET_FD + 1, puppet_open(p, "/dev/null", O_RDONLY));
	EXPECT_EQ(1, held(slot, numfile));
	EXPECT_EQ(0, puppet_close(p, PUPPET_FD));
	EXPECT_HELD(0, slot, numfile);
	EXPECT_EQ(0, rescore_attach(rs, slot, BASE "/x"));
	EXPECT_EQ(4, held(slot, numproc));
	EXPECT_EQ(0, rescore_detach(rs, slot, BASE "/x"));
	puppet_end(p);
}

/* Attaching while tasks fork and exit misses none and counts none twice. */
TEST_F(container, attach_storm)
{
	struct puppet *p[4];
	int slot, i, n;

	make_tree();
	for (i = 0; i < 4; i++) {
		p[i] = puppet_in(0);
		EXPECT_EQ(0, move_to_path(p[i]->pid,
					  i & 1 ? BASE "/x" : BASE "/x/y"));
	}
	for (n = 0; n < 5; n++) {
		shm->number[0] = 0;
		for (i = 0; i < 4; i++)
			puppet_send_call(p[i], fork_storm, 0, 0, 0);
		(void)eventually(shm->number[1] >= 8 * (n + 1));
		ASSERT_LT(0, slot = make_at("kt-a", BASE "/x"));
		shm->number[0] = 1;
		for (i = 0; i < 4; i++)
			EXPECT_EQ(0, puppet_answer(p[i]));
		EXPECT_HELD(4, slot, numproc);
		EXPECT_EQ(0, row(slot, numproc).underflow);
		EXPECT_CLEAN_AUDIT(slot);
		for (i = 0; i < 4; i++)
			EXPECT_EQ(0, move_to(p[i]->pid, 0));
		EXPECT_EQ(0, rescore_destroy(rs, slot, false));
		for (i = 0; i < 4; i++)
			EXPECT_EQ(0, move_to_path(p[i]->pid, BASE "/x"));
	}
}

/* A second root counts in the same row; each is found by its number. */
TEST_F(container, attach_second_root)
{
	char path[PATH_MAX];
	struct puppet *p;
	int slot;

	make_tree();
	ASSERT_LT(0, slot = make("kt-a"));
	p = puppet_in(0);
	EXPECT_EQ(0, move_to_path(p->pid, BASE "/x/y"));
	EXPECT_EQ(0, held(slot, numproc));
	EXPECT_EQ(0, rescore_attach(rs, slot, "kt/x"));
	EXPECT_EQ(1, held(slot, numproc));
	EXPECT_EQ(2, rescore_container(rs, slot)->nr_roots);
	EXPECT_EQ(0, rescore_cgroup_path(rs, slot, 1, path, sizeof(path)));
	EXPECT_STREQ(BASE "/x", path);
	EXPECT_EQ(-ENOENT,
		  rescore_cgroup_path(rs, slot, 2, path, sizeof(path)));
	EXPECT_EQ(1, rescore_nr_processes(rs, slot));
}

/* What belongs to a container cannot be attached to another, nor the host. */
TEST_F(container, attach_refused)
{
	int a, b, members;

	make_tree();
	ASSERT_LT(0, a = make_at("kt-a", BASE "/x/y"));
	ASSERT_LT(0, b = make("kt-b"));
	members = count_members(b);

	EXPECT_EQ(-EBUSY, rescore_attach(rs, b, BASE "/x/y"));
	EXPECT_EQ(-EBUSY, rescore_attach(rs, b, BASE "/x/y/z"));
	EXPECT_EQ(-EBUSY, rescore_attach(rs, b, BASE "/x"));
	EXPECT_EQ(-EBUSY, rescore_attach(rs, b, BASE));
	EXPECT_EQ(-EALREADY, rescore_attach(rs, a, BASE "/x/y"));
	EXPECT_EQ(-EALREADY, rescore_attach(rs, a, BASE "/x/y/z"));
	EXPECT_EQ(-EINVAL, rescore_attach(rs, b, "/sys/fs/cgroup"));
	EXPECT_EQ(-EINVAL, rescore_attach(rs, b, "/"));
	EXPECT_EQ(-EINVAL, rescore_attach(rs, b, ""));
	EXPECT_EQ(-ENOENT, rescore_attach(rs, b, BASE "/none"));
	EXPECT_EQ(-ENOENT, rescore_attach(rs, 999, BASE "/other"));

	EXPECT_EQ(1, rescore_container(rs, b)->nr_roots);
	EXPECT_EQ(members, count_members(b));
	EXPECT_EQ(2, count_members(a));

	EXPECT_EQ(-EBUSY, make_at("kt-c", BASE "/x"));
	EXPECT_EQ(-ENOENT, make_at("kt-c", BASE "/none"));
	EXPECT_EQ(-EINVAL, make_at("kt-c", "/"));
	EXPECT_EQ(-ENOENT, rescore_find(rs, "kt-c"));
}

/* A container has room for RESCORE_ROOTS_MAX cgroups; one more is refused. */
TEST_F(container, attach_too_many)
{
	const char *path;
	int slot, i;

	mkdir(BASE, 0755);
	ASSERT_LT(0, slot = make("kt-a"));
	for (i = 1; i <= RESCORE_ROOTS_MAX; i++) {
		path = text(BASE "/%d", i);
		ASSERT_EQ(0, mkdir(path, 0755));
		EXPECT_EQ(i < RESCORE_ROOTS_MAX ? 0 : -ENOSPC,
			  rescore_attach(rs, slot, path));
	}
	EXPECT_EQ(RESCORE_ROOTS_MAX, count_members(slot));
}

/* As a service's that is started again and again. */
TEST_F(container, attach_removed)
{
	char path[PATH_MAX];
	int slot, i;

	mkdir(BASE, 0755);
	ASSERT_LT(0, slot = make("kt-a"));
	for (i = 0; i <= RESCORE_ROOTS_MAX; i++) {
		ASSERT_EQ(0, mkdir(BASE "/again", 0755));
		EXPECT_EQ(0, rescore_attach(rs, slot, BASE "/again"));
		EXPECT_EQ(2, rescore_container(rs, slot)->nr_roots);
		EXPECT_EQ(0,
			  rescore_cgroup_path(rs, slot, 1, path, sizeof(path)));
		EXPECT_STREQ(BASE "/again", path);
		ASSERT_EQ(0, rmdir(BASE "/again"));
	}
}

/* A container whose cgroup was removed behind its back can be destroyed. */
TEST_F(container, root_removed)
{
	char path[PATH_MAX];
	int slot;

	ASSERT_LT(0, slot = make("kt-a"));
	EXPECT_EQ(0, rmdir(path_of(slot)));
	EXPECT_EQ(0, count_members(slot));
	EXPECT_EQ(-ENOENT,
		  rescore_cgroup_path(rs, slot, 0, path, sizeof(path)));
	EXPECT_EQ(0, rescore_nr_processes(rs, slot));
	EXPECT_EQ(0, rescore_kill(rs, slot, SIGKILL));
	EXPECT_EQ(0, rescore_destroy(rs, slot, false));
}
RESCORE_TEST_MAIN(NULL)
