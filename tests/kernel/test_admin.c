// SPDX-License-Identifier: GPL-2.0
/*
 * The administrator is never locked out: a container that has reached all its
 * limits can be entered, repaired, thawed, killed and removed.
 */
#include "inside.h"
#include "puppet.h"

FIXTURE(admin)
{
	int slot;
};

static int bound_to_0(int slot, unsigned int id)
{
	const struct rescore_resource *resource = rescore_resource(rs, id);

	if (resource->state != RESCORE_ON ||
	    !(resource->flags & RESCORE_DENIABLE))
		return 0;
	return try_bounds(slot, id, 0, 0);
}

/*
 * A container in which nothing is left of anything that is counted one by one.
 * Not of memory: without any, nothing can run after its execve, which is no way to
 * be locked out. --admin has it all the same.
 */
FIXTURE_SETUP(admin)
{
	unsigned int id;

	world_begin(_metadata);
	ASSERT_LT(0, self->slot = make("kt-a"));
	for (id = 0; id < rescore_nr_resources(rs); id++)
		if (rescore_resource(rs, id)->objects)
			ASSERT_EQ(0, bound_to_0(self->slot, id));
}

FIXTURE_TEARDOWN(admin)
{
	end_puppets();
	world_end(_metadata);
}

/* With admin, what is started in a full container works, and all its children. */
TEST_F(admin, lasting)
{
	unsigned int id;

	if (access(BUSYBOX, X_OK))
		SKIP(return, "no " BUSYBOX);
	for (id = 0; id < rescore_nr_resources(rs); id++)
		ASSERT_EQ(0, bound_to_0(self->slot, id));
	EXPECT_EQ(7, run_inside(self->slot, true, "exit 7"));
	EXPECT_EQ(3, run_inside(self->slot, true,
				"(sh -c 'exec 3</dev/null; exit 3')"));
	EXPECT_EQ(5, run_inside(self->slot, true,
				"x=$(echo 2 | cat | cat); exit $((x + 3))"));
	EXPECT_EQ(0, failcnt(self->slot, numproc));
	EXPECT_EQ(0, failcnt(self->slot, numfile));
	/* counted all the same */
	EXPECT_LE(3, row(self->slot, numproc).maxheld);
	EXPECT_LE(3, row(self->slot, numfile).maxheld);
	EXPECT_HELD(0, self->slot, numproc);
	EXPECT_HELD(0, self->slot, numfile);
	EXPECT_EQ(0, rescore_meta(rs)->admins);
}

/* Without, the execve works; what comes after it is the container's own. */
TEST_F(admin, until_exec)
{
	if (access(BUSYBOX, X_OK))
		SKIP(return, "no " BUSYBOX);
	EXPECT_EQ(7, run_inside(self->slot, false, "exit 7"));
	EXPECT_EQ(0, failcnt(self->slot, numfile));
	EXPECT_NE(0, run_inside(self->slot, false, "exec 3</dev/null; exit 0"));
	EXPECT_LT(0, failcnt(self->slot, numfile));
	EXPECT_EQ(0, failcnt(self->slot, numproc));
	EXPECT_NE(0, run_inside(self->slot, false, "(exit 0); exit 0"));
	EXPECT_LT(0, failcnt(self->slot, numproc));
	EXPECT_EQ(0, rescore_meta(rs)->admins);
}

/* A child forked between enter and execve has no exemption. */
TEST_F(admin, not_inherited)
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		if (rescore_enter(rs, self->slot, false))
			_exit(101);
		if (open("/dev/null", O_RDONLY) < 0)
			_exit(102);
		/* the fork is the parent's, who is exempt */
		pid = fork();
		if (!pid)
			_exit(open("/dev/null", O_RDONLY) < 0 ? errno : 0);
		waitpid(pid, &status, 0);
		_exit(WEXITSTATUS(status));
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(ENFILE, WEXITSTATUS(status));
	EXPECT_EQ(0, rescore_meta(rs)->admins);
}

/* An execve that fails does not end the exemption: one may try another path. */
TEST_F(admin, failed_exec)
{
	pid_t pid;
	int status;

	if (access(BUSYBOX, X_OK))
		SKIP(return, "no " BUSYBOX);
	pid = fork();
	if (!pid) {
		if (rescore_enter(rs, self->slot, false))
			_exit(101);
		execl("/nonexistent", "sh", NULL);
		execl("/dev/null", "sh", NULL);
		execl(BUSYBOX, "sh", "-c", "exit 7", NULL);
		_exit(errno);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(7, WEXITSTATUS(status));
	EXPECT_EQ(0, rescore_meta(rs)->admins);
}

/* One that ends without execve, or is killed, leaves no exemption behind. */
TEST_F(admin, no_exec)
{
	pid_t pid;
	int i;

	for (i = 0; i < PRIME; i++) {
		pid = fork();
		if (!pid) {
			rescore_enter(rs, self->slot, i & 1);
			if (i & 2)
				kill(getpid(), SIGKILL);
			_exit(0);
		}
		ASSERT_EQ(pid, waitpid(pid, NULL, 0));
	}
	EXPECT_TRUE(eventually(rescore_meta(rs)->admins == 0));
	EXPECT_HELD(0, self->slot, numproc);
}

/* Who is in a container that is not there stays where it was. */
TEST_F(admin, enter_nothing)
{
	pid_t pid = fork();
	int status;

	if (!pid)
		_exit(rescore_enter(rs, 999, true) == -ENOENT ? 0 : 1);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_EQ(0, rescore_meta(rs)->admins);
}

/* --- leases: of who checkpoints or restores (lib/ct_lease.c) ------------------------ */

void ct_lease(struct rescore *rs, unsigned int slot);
void ct_lease_end(struct rescore *rs, unsigned int slot);

static void lease_for(int slot, long ns)
{
	struct rescore_container *container =
		(struct rescore_container *)rescore_container(rs, slot);
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	container->lease_ns = now.tv_sec * 1000000000L + now.tv_nsec + ns;
}

static long open_and_close(long a, long b, long c)
{
	int fd = open("/dev/null", O_RDONLY);

	return fd < 0 ? -errno : close(fd);
}

/* The tool that has taken it is dead: it ends by itself, and nothing is forgotten. */
TEST_F(admin, lease_ends)
{
	struct puppet *p = puppet_in(self->slot), *other;
	int sibling = make("kt-b");
	long pid;

	ASSERT_LT(0, sibling);
	ASSERT_EQ(0, try_bounds(sibling, numfile, 0, 0));
	other = puppet_in(sibling);

	EXPECT_EQ(-ENFILE, puppet_do(p, open_and_close, 0, 0, 0));
	EXPECT_EQ(1, failcnt(self->slot, numfile));
	ct_lease(rs, self->slot);
	EXPECT_LE(PUPPET_FD, puppet_open(p, "/dev/null", O_RDONLY));
	EXPECT_LT(0, pid = puppet_do(p, fork_idle, 0, 0, 0));
	EXPECT_EQ(1, failcnt(self->slot, numfile));
	EXPECT_EQ(0, failcnt(self->slot, numproc));
	EXPECT_HELD(1, self->slot, numfile);
	EXPECT_HELD(2, self->slot, numproc);
	EXPECT_EQ(-ENFILE, puppet_do(other, open_and_close, 0, 0, 0));

	lease_for(self->slot, 200 * 1000000L);
	EXPECT_TRUE(
		eventually(puppet_do(p, open_and_close, 0, 0, 0) == -ENFILE));
	EXPECT_EQ(-EAGAIN, puppet_do(p, fork_idle, 0, 0, 0));
	EXPECT_LT(1, failcnt(self->slot, numfile));
	EXPECT_EQ(1, failcnt(self->slot, numproc));
	/* that of the table is what nobody ended; a new one ends with its own */
	EXPECT_LT(0, rescore_meta(rs)->lease_ns);
	ct_lease(rs, sibling);
	EXPECT_EQ(0, puppet_do(other, open_and_close, 0, 0, 0));
	EXPECT_EQ(-ENFILE, puppet_do(p, open_and_close, 0, 0, 0));
	ct_lease_end(rs, sibling);
	EXPECT_EQ(-ENFILE, puppet_do(other, open_and_close, 0, 0, 0));
	ct_lease_end(rs, self->slot);
	EXPECT_EQ(0, rescore_meta(rs)->lease_ns);

	EXPECT_EQ(pid, puppet_do(p, kill_and_reap, pid, 0, 0));
	EXPECT_EQ(SIGKILL, puppet_end(p));
	EXPECT_HELD(0, self->slot, numfile);
	EXPECT_HELD(0, self->slot, numproc);
}

/* A full container can be killed. */
TEST_F(admin, kill_full)
{
	struct puppet *p = puppet_in(self->slot);

	EXPECT_EQ(-EAGAIN, puppet_do(p, fork_idle, 0, 0, 0));
	EXPECT_EQ(1, rescore_kill(rs, self->slot, SIGKILL));
	EXPECT_EQ(SIGKILL, puppet_end(p));
	EXPECT_HELD(0, self->slot, numproc);
}

static bool is_frozen(const char *path)
{
	char buffer[256] = "";
	int fd = open(text("%s/cgroup.events", path), O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return false;
	if (read(fd, buffer, sizeof(buffer) - 1) < 0)
		buffer[0] = '\0';
	close(fd);
	return strstr(buffer, "frozen 1");
}

/* A full and frozen one can be thawed, and killed while frozen. */
TEST_F(admin, frozen)
{
	const char *path = path_of(self->slot);
	struct puppet *p = puppet_in(self->slot);

	EXPECT_EQ(0, write_file(text("%s/cgroup.freeze", path), "1"));
	EXPECT_TRUE(eventually(is_frozen(path)));
	EXPECT_EQ(0, write_file(text("%s/cgroup.freeze", path), "0"));
	EXPECT_EQ(-ENFILE, puppet_open(p, "/dev/null", O_RDONLY));

	EXPECT_EQ(0, write_file(text("%s/cgroup.freeze", path), "1"));
	EXPECT_TRUE(eventually(is_frozen(path)));
	EXPECT_EQ(1, rescore_kill(rs, self->slot, SIGKILL));
	EXPECT_EQ(p->pid, waitpid(p->pid, NULL, 0));
	puppet_forget(p);
	EXPECT_HELD(0, self->slot, numproc);
	EXPECT_EQ(0, rescore_destroy(rs, self->slot, false));
}

/* A full one is removed by force, with all that is in it. */
TEST_F(admin, destroy_full)
{
	EXPECT_LT(0, puppet_in(self->slot)->pid);
	EXPECT_EQ(-EBUSY, rescore_destroy(rs, self->slot, false));
	EXPECT_EQ(1, rescore_kill(rs, self->slot, SIGKILL));
	end_puppets();
	EXPECT_EQ(0, rescore_destroy(rs, self->slot, true));
}

RESCORE_TEST_MAIN(NULL)
