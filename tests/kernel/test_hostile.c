// SPDX-License-Identifier: GPL-2.0
/*
 * Root of a container, who is shown only that container's part of the cgroup
 * tree and no BPF file system, tries to get out of the accounting.
 */
#include <sys/mount.h>

#include "clone.h"
#include "puppet.h"

#define TREE "/tmp/kt-cgroup"	/* the container's view of the cgroup tree */

FIXTURE(hostile)
{
	int slot;
	struct puppet *p;
};

/* Namespaces of its own, as a container runtime would give it. */
static long isolate(long a, long b, long c)
{
	if (unshare(CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWIPC |
		    CLONE_NEWUTS))
		return -errno;
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("none", TREE, "cgroup2", 0, NULL) ||
	    umount2("/sys/fs/bpf", MNT_DETACH) ||
	    umount2("/sys/fs/cgroup", MNT_DETACH))
		return -errno;
	return 0;
}

FIXTURE_SETUP(hostile)
{
	world_begin(_metadata);
	mkdir(TREE, 0755);
	ASSERT_LT(0, self->slot = make("kt-a"));
	self->p = puppet_in(self->slot);
	ASSERT_EQ(0, puppet_do(self->p, isolate, 0, 0, 0));
}

FIXTURE_TEARDOWN(hostile)
{
	end_puppets();
	world_end(_metadata);
	rmdir(TREE);
}

/* Open one file and one more than the container may have. */
static long open_two(long a, long b, long c)
{
	int one = open("/dev/null", O_RDONLY), err;

	if (one < 0)
		return -errno;
	err = open("/dev/null", O_RDONLY) < 0 ? -errno : 0;
	close(one);
	return err;
}

static long child_cgroup(long depth, long b, long c)
{
	char path[PATH_MAX] = TREE;

	while (depth--) {
		strcat(path, "/x");
		if (mkdir(path, 0755) && errno != EEXIST)
			return -errno;
	}
	return move_to_path(0, path);
}

/* A child cgroup is in the container, at any depth; there is no way out of it. */
TEST_F(hostile, child_cgroups)
{
	int i;

	set_bounds(self->slot, numfile, 1, 1);
	for (i = 1; i <= 11; i++) {
		EXPECT_EQ(0, puppet_do(self->p, child_cgroup, i, 0, 0));
		EXPECT_EQ(1, held(self->slot, numproc));
		EXPECT_EQ(-ENFILE, puppet_do(self->p, open_two, 0, 0, 0));
	}
	/* and back to what it sees as the root */
	EXPECT_EQ(0, puppet_do(self->p, child_cgroup, 0, 0, 0));
	EXPECT_EQ(-ENFILE, puppet_do(self->p, open_two, 0, 0, 0));
	EXPECT_EQ(self->slot, rescore_container_of(rs, self->p->pid));
}

static long hop(long n, long b, long c)
{
	long i, err = 0;

	for (i = 0; !err && i < n; i++)
		err = child_cgroup(i % 5, 0, 0);
	return err;
}

/* Moving to and fro between its own cgroups changes nothing. */
TEST_F(hostile, hop)
{
	EXPECT_EQ(0, puppet_do(self->p, threads_start, 3, 0, 0));
	EXPECT_EQ(0, puppet_do(self->p, hop, 101, 0, 0));
	EXPECT_EQ(4, held(self->slot, numproc));
	EXPECT_EQ(4, row(self->slot, numproc).maxheld);
	EXPECT_EQ(0, row(self->slot, numproc).underflow);
	EXPECT_CLEAN_AUDIT(self->slot);
}

/* Clone into a child cgroup until it fails. Returns how many, or -errno. */
static long clone_many(long most, long b, long c)
{
	long n = 0, pid = 0;

	mkdir(TREE "/x", 0755);
	while (n < most && (pid = clone_into((long)TREE "/x", 0, 0)) > 0)
		n++;
	return pid == -EAGAIN ? n : pid;
}

/* CLONE_INTO_CGROUP into a child cgroup makes tasks that count. */
TEST_F(hostile, clone_into_cgroup)
{
	set_bounds(self->slot, numproc, PRIME, PRIME);
	EXPECT_EQ(PRIME - 1, puppet_do(self->p, clone_many, 100, 0, 0));
	EXPECT_EQ(PRIME, held(self->slot, numproc));
	EXPECT_EQ(1, failcnt(self->slot, numproc));
	EXPECT_CLEAN_AUDIT(self->slot);
}

/* A daemon: a new session, a forked child of an ended one, orphaned. */
static long daemonise(long a, long b, long c)
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		setsid();
		pid = fork();
		if (pid)
			_exit(pid < 0);
		setsid();
		setpgid(0, 0);
		unshare(CLONE_NEWNS | CLONE_NEWUTS | CLONE_FILES | CLONE_FS);
		for (;;)
			pause();
	}
	if (pid < 0)
		return -errno;
	waitpid(pid, &status, 0);
	return status ? -EAGAIN : 0;
}

/* Sessions, orphans and new namespaces do not lead out. */
TEST_F(hostile, daemons)
{
	int i;

	EXPECT_EQ(0, puppet_sys(self->p, SYS_unshare, CLONE_NEWPID, 0, 0, 0));
	/* the init of the new pid namespace, to which orphans go */
	EXPECT_LT(0, puppet_do(self->p, fork_idle, 0, 0, 0));
	for (i = 0; i < 7; i++)
		EXPECT_EQ(0, puppet_do(self->p, daemonise, 0, 0, 0));
	EXPECT_HELD(1 + 1 + 7, self->slot, numproc);
	EXPECT_EQ(9, rescore_nr_processes(rs, self->slot));
	set_bounds(self->slot, numproc, 9, 9);
	EXPECT_EQ(-EAGAIN, puppet_do(self->p, daemonise, 0, 0, 0));
	EXPECT_CLEAN_AUDIT(self->slot);
}

static long bomb(long a, long b, long c)
{
	pid_t pid;

	pid = fork();
	if (pid)
		return result(pid);
	prctl(PR_SET_PDEATHSIG, 0);
	for (;;)
		if (fork() < 0)
			sched_yield();
}

/* A fork bomb stays within the barrier; the host can fork, and end it. */
TEST_F(hostile, fork_bomb)
{
	pid_t pid;
	int i, status;

	set_bounds(self->slot, numproc, 101, 101);
	EXPECT_LT(0, puppet_do(self->p, bomb, 0, 0, 0));
	EXPECT_TRUE(eventually(failcnt(self->slot, numproc) > 1009));
	EXPECT_EQ(101, held(self->slot, numproc));
	EXPECT_EQ(101, row(self->slot, numproc).maxheld);
	for (i = 0; i < PRIME; i++) {
		pid = fork();
		if (!pid)
			_exit(7);
		ASSERT_LT(0, pid);
		EXPECT_EQ(pid, waitpid(pid, &status, 0));
		EXPECT_EQ(7, WEXITSTATUS(status));
	}
	EXPECT_LT(0, rescore_kill(rs, self->slot, SIGKILL));
	EXPECT_TRUE(eventually(rescore_nr_processes(rs, self->slot) == 0));
}

static long new_user(long a, long b, long c)
{
	return result(unshare(CLONE_NEWUSER));
}

/* A user namespace of its own gives no other container. */
TEST_F(hostile, user_namespace)
{
	int err;

	set_bounds(self->slot, numfile, 1, 1);
	set_bounds(self->slot, numproc, 1, 1);
	err = puppet_do(self->p, new_user, 0, 0, 0);
	if (err)
		SKIP(return, "no user namespaces: %s", strerror(-err));
	EXPECT_EQ(-ENFILE, puppet_do(self->p, open_two, 0, 0, 0));
	EXPECT_EQ(-EAGAIN, puppet_do(self->p, fork_idle, 0, 0, 0));
}

/* What it would need to change its own limits is not in its sight. */
TEST_F(hostile, no_way_to_the_tools)
{
	EXPECT_EQ(-ENOENT,
		  puppet_sys(self->p, SYS_access, RESCORE_PIN_DIR, F_OK, 0, 0));
	EXPECT_EQ(-ENOENT, puppet_sys(self->p, SYS_access,
				      "/sys/fs/cgroup/rescore", F_OK, 0, 0));
	EXPECT_EQ(-ENOENT,
		  puppet_sys(self->p, SYS_access, TREE "/rescore", F_OK, 0, 0));
}

RESCORE_TEST_MAIN(NULL)
