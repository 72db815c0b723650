// SPDX-License-Identifier: GPL-2.0
/*
 * numpty: pty masters, which are charged at the permission check of the open
 * and uncharged when the last descriptor is gone; and every way in which the
 * one may happen without the other.
 */
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <termios.h>

#include "puppet.h"

#define PTS	"/tmp/kt-pts"
#define PTMX	"/dev/ptmx"

FIXTURE(pty)
{
	int a, b;
	struct puppet *p;
};

FIXTURE_SETUP(pty)
{
	world_begin(_metadata);
	ASSERT_LT(0, self->a = make("kt-a"));
	ASSERT_LT(0, self->b = make("kt-b"));
	self->p = puppet_in(self->a);
}

FIXTURE_TEARDOWN(pty)
{
	end_puppets();
	world_end(_metadata);
	umount2(PTS, MNT_DETACH);
	rmdir(PTS);
}

static long open_pty(struct puppet *p)
{
	return puppet_open(p, PTMX, O_RDWR | O_NOCTTY);
}

/* 23 of them, each one counted, and the next is refused with ENOSPC. */
TEST_F(pty, open_and_close)
{
	int i;

	set_bounds(self->a, numpty, PRIME, PRIME);
	for (i = 0; i < PRIME; i++) {
		EXPECT_EQ(PUPPET_FD + i, open_pty(self->p));
		EXPECT_EQ(i + 1, held(self->a, numpty));
	}
	EXPECT_EQ(-ENOSPC, open_pty(self->p));
	EXPECT_EQ(PRIME, held(self->a, numpty));
	EXPECT_HELD(PRIME, self->a, numfile);
	EXPECT_EQ(1, failcnt(self->a, numpty));
	EXPECT_EQ(0, failcnt(self->a, numfile));
	EXPECT_CLEAN_AUDIT(self->a);
	for (i = 0; i < PRIME; i++) {
		EXPECT_EQ(0, puppet_close(self->p, PUPPET_FD + i));
		EXPECT_HELD(PRIME - i - 1, self->a, numpty);
	}
	EXPECT_EQ(0, rescore_meta(rs)->pty_credits);
}

static long open_pair(long a, long b, long c)
{
	int fd = posix_openpt(O_RDWR | O_NOCTTY);
	char name[64];

	if (fd < 0)
		return -errno;
	if (grantpt(fd) || unlockpt(fd) || ptsname_r(fd, name, sizeof(name)))
		return -EIO;
	return result(open(name, O_RDWR | O_NOCTTY));
}

/* Slaves do not count, by whatever name they are opened. */
TEST_F(pty, slaves)
{
	long master = PUPPET_FD, slave, peer;
	int i;

	EXPECT_EQ(master + 1, slave = puppet_do(self->p, open_pair, 0, 0, 0));
	EXPECT_EQ(1, held(self->a, numpty));
	for (i = 0; i < 3; i++) {
		EXPECT_LE(0,
			  peer = puppet_sys(self->p, SYS_ioctl, master,
					    TIOCGPTPEER, O_RDWR | O_NOCTTY, 0));
		EXPECT_EQ(1, held(self->a, numpty));
		EXPECT_EQ(0, puppet_close(self->p, peer));
	}
	EXPECT_HELD(2, self->a, numfile);
	/* and do not keep it */
	EXPECT_EQ(0, puppet_close(self->p, master));
	EXPECT_HELD(0, self->a, numpty);
	EXPECT_EQ(0, puppet_close(self->p, slave));
	EXPECT_HELD(0, self->a, numpty);
	EXPECT_EQ(0, row(self->a, numpty).underflow);
}

/* Copies are no new pty; the last close ends it. */
TEST_F(pty, dup_and_fork)
{
	long fd, copy, child;

	EXPECT_EQ(PUPPET_FD, fd = open_pty(self->p));
	EXPECT_LT(fd, copy = puppet_sys(self->p, SYS_dup, fd, 0, 0, 0));
	EXPECT_LT(0, child = puppet_do(self->p, fork_idle, 0, 0, 0));
	EXPECT_EQ(0, puppet_close(self->p, fd));
	EXPECT_EQ(0, puppet_close(self->p, copy));
	EXPECT_EQ(1, held(self->a, numpty));
	EXPECT_EQ(child, puppet_do(self->p, kill_and_reap, child, 0, 0));
	EXPECT_HELD(0, self->a, numpty);
}

/* The opener pays until the last close, which may be in another container. */
TEST_F(pty, passed)
{
	struct puppet *q = puppet_in(self->b);

	set_bounds(self->b, numpty, 0, 0);
	EXPECT_EQ(PUPPET_FD, open_pty(self->p));
	EXPECT_EQ(0, puppet_do(self->p, pass_fd, PUPPET_FD, 0, 0));
	EXPECT_EQ(PUPPET_FD, puppet_do(q, take_fd, 0, 0, 0));
	puppet_end(self->p);
	EXPECT_HELD(1, self->a, numpty);
	EXPECT_EQ(0, held(self->b, numpty));
	EXPECT_CLEAN_AUDIT(0);
	EXPECT_EQ(0, puppet_close(q, PUPPET_FD));
	EXPECT_HELD(0, self->a, numpty);
	EXPECT_EQ(0, row(self->b, numpty).underflow);
}

/* --- charged, and then nothing opened ------------------------------------------------- */

/* Any file opened and closed gives a credit back that was left over. */
static void expect_no_credit(struct __test_metadata *_metadata,
			     struct puppet *p, int slot, int ptys)
{
	long fd = puppet_open(p, "/dev/null", O_RDONLY);

	EXPECT_LE(0, fd);
	EXPECT_EQ(0, puppet_close(p, fd));
	EXPECT_HELD(ptys, slot, numpty);
	EXPECT_EQ(0, rescore_meta(rs)->pty_credits);
}

/* access() is a permission check and no open. */
TEST_F(pty, access)
{
	int i;

	for (i = 0; i < 7; i++) {
		EXPECT_EQ(0, puppet_sys(self->p, SYS_access, PTMX, R_OK | W_OK,
					0, 0));
		EXPECT_GE(1, held(self->a, numpty));
	}
	expect_no_credit(_metadata, self->p, self->a, 0);
	/* the credit is used by an open, not charged again */
	EXPECT_EQ(0, puppet_sys(self->p, SYS_access, PTMX, R_OK, 0, 0));
	EXPECT_EQ(PUPPET_FD, open_pty(self->p));
	EXPECT_HELD(1, self->a, numpty);
	EXPECT_EQ(0, rescore_meta(rs)->pty_credits);
	EXPECT_CLEAN_AUDIT(self->a);
	/* F_OK asks for no permission, O_PATH neither */
	EXPECT_EQ(0, puppet_sys(self->p, SYS_access, PTMX, F_OK, 0, 0));
	EXPECT_LE(0, puppet_open(self->p, PTMX, O_PATH));
	EXPECT_EQ(1, held(self->a, numpty));
	EXPECT_EQ(0, rescore_meta(rs)->pty_credits);
}

static long access_and_exit(long a, long b, long c)
{
	pid_t pid = fork();

	if (!pid) {
		access(PTMX, R_OK);
		/* no file is closed on the way out but those it inherited */
		_exit(0);
	}
	return result(waitpid(pid, NULL, 0));
}

/* One that ends with a credit gives it back. */
TEST_F(pty, access_and_exit)
{
	int i;

	for (i = 0; i < 7; i++)
		EXPECT_LT(0, puppet_do(self->p, access_and_exit, 0, 0, 0));
	EXPECT_HELD(0, self->a, numpty);
	EXPECT_EQ(0, rescore_meta(rs)->pty_credits);
}

/* A credit is paid where it was taken, wherever the task is by then. */
TEST_F(pty, access_and_move)
{
	EXPECT_EQ(0, puppet_sys(self->p, SYS_access, PTMX, R_OK, 0, 0));
	EXPECT_EQ(0, move_to(self->p->pid, self->b));
	expect_no_credit(_metadata, self->p, self->b, 0);
	EXPECT_HELD(0, self->a, numpty);
	EXPECT_EQ(0, row(self->a, numpty).underflow);
	EXPECT_EQ(0, row(self->b, numpty).underflow);
}

/*
 * What is opened in b is b's, though a permission was asked for in a. On the
 * host nobody pays.
 */
TEST_F(pty, access_move_open)
{
	EXPECT_EQ(0, puppet_sys(self->p, SYS_access, PTMX, R_OK, 0, 0));
	EXPECT_EQ(0, move_to(self->p->pid, self->b));
	EXPECT_EQ(PUPPET_FD, open_pty(self->p));
	EXPECT_HELD(1, self->b, numpty);
	EXPECT_HELD(0, self->a, numpty);
	EXPECT_EQ(0, puppet_sys(self->p, SYS_access, PTMX, R_OK, 0, 0));
	EXPECT_EQ(0, move_to(self->p->pid, 0));
	EXPECT_EQ(PUPPET_FD + 1, open_pty(self->p));
	EXPECT_EQ(0, puppet_do(self->p, close_from, PUPPET_FD, 0, 0));
	EXPECT_HELD(0, self->b, numpty);
	EXPECT_EQ(0, rescore_meta(rs)->pty_credits);
}

static long limit_descriptors(long n, long b, long c)
{
	struct rlimit limit = { n, n };

	return result(setrlimit(RLIMIT_NOFILE, &limit));
}

static long read_number(const char *path)
{
	char buffer[32] = "";
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || read(fd, buffer, sizeof(buffer) - 1) < 0)
		buffer[0] = '\0';
	close(fd);
	return strtol(buffer, NULL, 10);
}

/* Opens that fail, before the check or after it, keep no charge. */
TEST_F(pty, failed_opens)
{
	const char *max = "/proc/sys/kernel/pty/max";
	long old = read_number(max);

	EXPECT_EQ(-EEXIST, puppet_open(self->p, PTMX, O_CREAT | O_EXCL));
	EXPECT_EQ(-ENOTDIR, puppet_open(self->p, PTMX, O_RDWR | O_DIRECTORY));
	expect_no_credit(_metadata, self->p, self->a, 0);
	set_bounds(self->a, numfile, 0, 0);
	EXPECT_EQ(-ENFILE, open_pty(self->p));
	EXPECT_EQ(0, held(self->a, numpty));
	set_bounds(self->a, numfile, 100, 100);
	/* the kernel's own pool of ptys is empty: after our check */
	ASSERT_EQ(0, write_file(max,
				text("%ld",
				     read_number("/proc/sys/kernel/pty/nr"))));
	EXPECT_EQ(-ENOSPC, open_pty(self->p));
	EXPECT_EQ(0, write_file(max, text("%ld", old)));
	EXPECT_HELD(0, self->a, numpty);
	EXPECT_EQ(0, failcnt(self->a, numpty));
	EXPECT_EQ(0, puppet_do(self->p, limit_descriptors, PUPPET_FD, 0, 0));
	EXPECT_EQ(-EMFILE, open_pty(self->p));
	EXPECT_HELD(0, self->a, numpty);
	EXPECT_EQ(0, rescore_meta(rs)->pty_credits);
}

/* With no pty left, everything else can be opened. */
TEST_F(pty, nothing_else)
{
	set_bounds(self->a, numpty, 0, 0);
	EXPECT_EQ(PUPPET_FD, puppet_open(self->p, "/dev/null", O_RDWR));
	EXPECT_EQ(PUPPET_FD + 1, puppet_open(self->p, "/dev/zero", O_RDWR));
	EXPECT_EQ(PUPPET_FD + 2, puppet_open(self->p, "/tmp", O_RDONLY));
	EXPECT_EQ(-ENOSPC, open_pty(self->p));
	EXPECT_EQ(1, failcnt(self->a, numpty));
	EXPECT_HELD(3, self->a, numfile);
}

/* --- other ways to a master ------------------------------------------------------------ */

/* Every instance of devpts has a ptmx, and they all count. */
TEST_F(pty, instances)
{
	int i;

	ASSERT_EQ(0, mkdir(PTS, 0755));
	ASSERT_EQ(0,
		  mount("none", PTS, "devpts", 0, "newinstance,ptmxmode=0666"));
	set_bounds(self->a, numpty, 7, 7);
	for (i = 0; i < 7; i++)
		EXPECT_EQ(PUPPET_FD + i,
			  puppet_open(self->p, i & 1 ? PTMX : PTS "/ptmx",
				      O_RDWR | O_NOCTTY));
	EXPECT_EQ(7, held(self->a, numpty));
	EXPECT_EQ(-ENOSPC, open_pty(self->p));
	EXPECT_EQ(-ENOSPC,
		  puppet_open(self->p, PTS "/ptmx", O_RDWR | O_NOCTTY));
	EXPECT_CLEAN_AUDIT(self->a);
	EXPECT_EQ(0, puppet_do(self->p, close_from, PUPPET_FD, 0, 0));
	EXPECT_HELD(0, self->a, numpty);
}

/* A device node of one's own is a ptmx as well. */
TEST_F(pty, own_node)
{
	mkdir(PTS, 0755);
	unlink("/dev/kt-ptmx");
	ASSERT_EQ(0, puppet_sys(self->p, SYS_mknodat, AT_FDCWD, "/dev/kt-ptmx",
				S_IFCHR | 0666, 5 << 8 | 2));
	EXPECT_EQ(0, held(self->a, numpty));
	EXPECT_EQ(PUPPET_FD,
		  puppet_open(self->p, "/dev/kt-ptmx", O_RDWR | O_NOCTTY));
	EXPECT_EQ(1, held(self->a, numpty));
	/* another way to the file is the open of another one */
	EXPECT_EQ(PUPPET_FD + 1,
		  puppet_open(self->p, "/proc/self/fd/7", O_RDWR | O_NOCTTY));
	EXPECT_EQ(2, held(self->a, numpty));
	set_bounds(self->a, numpty, 2, 2);
	EXPECT_EQ(-ENOSPC,
		  puppet_open(self->p, "/proc/self/fd/7", O_RDWR | O_NOCTTY));
	unlink("/dev/kt-ptmx");
	EXPECT_EQ(0, puppet_do(self->p, close_from, PUPPET_FD, 0, 0));
	EXPECT_HELD(0, self->a, numpty);
	EXPECT_EQ(0, rescore_meta(rs)->pty_credits);
}

static void *open_in_thread(void *arg)
{
	long *refused = arg, i;
	int fd;

	for (i = 0; i < 101; i++) {
		access(PTMX, R_OK);
		fd = open(PTMX, O_RDWR | O_NOCTTY);
		if (fd < 0)
			++*refused;
		else
			close(fd);
	}
	return NULL;
}

static long open_in_threads(long n, long b, long c)
{
	pthread_t thread[8];
	long refused[8] = { 0 }, all = 0, i;

	for (i = 0; i < n; i++)
		pthread_create(&thread[i], NULL, open_in_thread, &refused[i]);
	for (i = 0; i < n; i++) {
		pthread_join(thread[i], NULL);
		all += refused[i];
	}
	return all;
}

/* Credits are a thread's own: threads in a race neither lose nor share them. */
TEST_F(pty, threads)
{
	long refused;

	set_bounds(self->a, numpty, 5, 5);
	refused = puppet_do(self->p, open_in_threads, 5, 0, 0);
	EXPECT_EQ(0, refused);
	refused = puppet_do(self->p, open_in_threads, 8, 0, 0);
	EXPECT_LE(refused, failcnt(self->a, numpty));
	EXPECT_GE(5, row(self->a, numpty).maxheld);
	expect_no_credit(_metadata, self->p, self->a, 0);
	EXPECT_EQ(0, row(self->a, numpty).underflow);
}

/* A process that is killed gives all its ptys back, and the shells in them too. */
TEST_F(pty, killed)
{
	int i;

	for (i = 0; i < 5; i++) {
		EXPECT_EQ(PRIME, puppet_do(self->p, open_many, PTMX, PRIME,
					   O_RDWR | O_NOCTTY));
		EXPECT_LT(0, puppet_do(self->p, open_pair, 0, 0, 0));
		EXPECT_EQ(PRIME + 1, held(self->a, numpty));
		puppet_end(self->p);
		EXPECT_HELD(0, self->a, numpty);
		self->p = puppet_in(self->a);
	}
}

RESCORE_TEST_MAIN(NULL)
