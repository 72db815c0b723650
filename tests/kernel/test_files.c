// SPDX-License-Identifier: GPL-2.0
/*
 * numfile: whatever makes a struct file, and what keeps or ends one.
 */
#include <linux/openat2.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/fanotify.h>
#include <sys/fsuid.h>
#include <sys/inotify.h>
#include <sys/ipc.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <sys/un.h>

#include "clone.h"
#include "puppet.h"

#define DIR_NAME	"/tmp/kt-files"

FIXTURE(files)
{
	int slot;
	struct puppet *p;
};

FIXTURE_SETUP(files)
{
	world_begin(_metadata);
	mkdir(DIR_NAME, 0755);
	close(open(DIR_NAME "/file", O_CREAT | O_WRONLY, 0600));
	mkfifo(DIR_NAME "/fifo", 0600);
	(void)!symlink("file", DIR_NAME "/link");
	ASSERT_LT(0, self->slot = make("kt-a"));
	self->p = puppet_in(self->slot);
}

FIXTURE_TEARDOWN(files)
{
	end_puppets();
	world_end(_metadata);
	unlink(DIR_NAME "/file");
	unlink(DIR_NAME "/fifo");
	unlink(DIR_NAME "/link");
	unlink(DIR_NAME "/new");
	rmdir(DIR_NAME);
}

/* --- every way to make one --------------------------------------------------------- */

#define KIND(name, call) \
	static long make_##name(long a, long b, long c) { return result(call); }

KIND(open, open(DIR_NAME "/file", O_RDWR))
KIND(creat, creat(DIR_NAME "/new", 0600))
KIND(openat2,
     syscall(SYS_openat2, AT_FDCWD, DIR_NAME "/link",
	     &(struct open_how){ .flags = O_RDONLY }, sizeof(struct open_how)))
KIND(path, open(DIR_NAME "/file", O_PATH))
KIND(tmpfile, open("/tmp", O_TMPFILE | O_RDWR, 0600))
KIND(directory, open("/", O_RDONLY | O_DIRECTORY))
KIND(fifo, open(DIR_NAME "/fifo", O_RDWR))
KIND(tty, open("/dev/ptmx", O_RDWR | O_NOCTTY))
KIND(proc, open("/proc/self/status", O_RDONLY))
KIND(unix_socket, socket(AF_UNIX, SOCK_STREAM, 0))
KIND(tcp_socket, socket(AF_INET, SOCK_STREAM, 0))
KIND(udp_socket, socket(AF_INET, SOCK_DGRAM, 0))
KIND(netlink_socket, socket(AF_NETLINK, SOCK_RAW, 0))
KIND(epoll, epoll_create1(0))
KIND(eventfd, eventfd(0, 0))
KIND(timerfd, timerfd_create(CLOCK_MONOTONIC, 0))
KIND(memfd, memfd_create("kt", 0))
KIND(pidfd, syscall(SYS_pidfd_open, getpid(), 0))
KIND(inotify, inotify_init())
KIND(fanotify, fanotify_init(FAN_CLASS_NOTIF, O_RDONLY))
KIND(userfaultfd, syscall(SYS_userfaultfd, 0))
KIND(open_tree, syscall(SYS_open_tree, AT_FDCWD, "/", 0))
KIND(fsopen, syscall(SYS_fsopen, "tmpfs", 0))
KIND(pipe, pipe((int[2]){ 0 }))
KIND(socketpair, socketpair(AF_UNIX, SOCK_STREAM, 0, (int[2]){ 0 }))

static long make_signalfd(long a, long b, long c)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	return result(signalfd(-1, &set, 0));
}

/* A child by clone3() has a pidfd, and is gone when this returns. */
static long make_clone_pidfd(long a, long b, long c)
{
	int fd = -1;
	struct clone_args args = {
		.flags = CLONE_PIDFD,
		.pidfd = (uintptr_t)&fd,
	};
	long pid = clone_idle(&args);

	if (pid < 0)
		return pid;
	kill_and_reap(pid, 0, 0);
	return fd;
}

/* No descriptor of its own, but a file in the kernel: as in UBC, it counts. */
static long make_shared_memory(long a, long b, long c)
{
	void *where = mmap(NULL, 4096, PROT_READ, MAP_SHARED | MAP_ANONYMOUS,
			   -1, 0);

	return where == MAP_FAILED ? -errno : (long)where;
}

static long end_shared_memory(long where, long b, long c)
{
	return result(munmap((void *)where, 4096));
}

static long make_shm(long a, long b, long c)
{
	return result(shmget(IPC_PRIVATE, 4096, 0600));
}

static long end_shm(long id, long b, long c)
{
	return result(shmctl(id, IPC_RMID, NULL));
}

static const struct kind {
	const char *name;
	puppet_fn make;
	int files;
	puppet_fn end;		/* NULL: close what is open */
} kinds[] = {
	{ "open", make_open, 1 },
	{ "creat", make_creat, 1 },
	{ "openat2", make_openat2, 1 },
	{ "O_PATH", make_path, 1 },
	{ "O_TMPFILE", make_tmpfile, 1 },
	{ "directory", make_directory, 1 },
	{ "fifo", make_fifo, 1 },
	{ "tty", make_tty, 1 },
	{ "proc", make_proc, 1 },
	{ "unix socket", make_unix_socket, 1 },
	{ "tcp socket", make_tcp_socket, 1 },
	{ "udp socket", make_udp_socket, 1 },
	{ "netlink socket", make_netlink_socket, 1 },
	{ "epoll", make_epoll, 1 },
	{ "eventfd", make_eventfd, 1 },
	{ "timerfd", make_timerfd, 1 },
	{ "signalfd", make_signalfd, 1 },
	{ "memfd", make_memfd, 1 },
	{ "pidfd", make_pidfd, 1 },
	{ "CLONE_PIDFD", make_clone_pidfd, 1 },
	{ "inotify", make_inotify, 1 },
	{ "fanotify", make_fanotify, 1 },
	{ "userfaultfd", make_userfaultfd, 1 },
	{ "open_tree", make_open_tree, 1 },
	{ "fsopen", make_fsopen, 1 },
	{ "pipe", make_pipe, 2 },
	{ "socketpair", make_socketpair, 2 },
	{ "shared memory", make_shared_memory, 1, end_shared_memory },
	{ "System V shm", make_shm, 1, end_shm },
};

static long end_kind(struct puppet *p, const struct kind *kind, long what)
{
	if (kind->end)
		return puppet_do(p, kind->end, what, 0, 0);
	return puppet_do(p, close_from, PUPPET_FD, 0, 0);
}

static bool is_absent(const struct kind *kind, long ret)
{
	/* only where a kernel may do without */
	return (kind->make == make_userfaultfd ||
		kind->make == make_fanotify) &&
	       (ret == -ENOSYS || ret == -EPERM);
}

/* Each kind is charged when it is made, and uncharged when it is closed. */
TEST_F(files, kinds)
{
	const struct kind *kind;
	long what;
	int i;

	for (kind = kinds; kind < kinds + ARRAY_SIZE(kinds); kind++)
		for (i = 0; i < 3; i++) {
			what = puppet_do(self->p, kind->make, 0, 0, 0);
			if (is_absent(kind, what))
				continue;
			EXPECT_LE(0, what)
			TH_LOG("%s: %s", kind->name, strerror(-what));
			EXPECT_EQ(kind->files, held(self->slot, numfile))
			TH_LOG("%s", kind->name);
			EXPECT_EQ(0, end_kind(self->p, kind, what));
			EXPECT_HELD(0, self->slot, numfile)
			TH_LOG("%s", kind->name);
		}
	EXPECT_EQ(0, failcnt(self->slot, numfile));
}

/* Each kind is refused with ENFILE, and then leaves nothing charged. */
TEST_F(files, refused)
{
	const struct kind *kind;
	uint64_t failed;
	long what;

	for (kind = kinds; kind < kinds + ARRAY_SIZE(kinds); kind++) {
		failed = failcnt(self->slot, numfile);
		set_bounds(self->slot, numfile, kind->files - 1, 100);
		what = puppet_do(self->p, kind->make, 0, 0, 0);
		if (is_absent(kind, what))
			continue;
		EXPECT_EQ(-ENFILE, what)
		TH_LOG("%s", kind->name);
		EXPECT_EQ(failed + 1, failcnt(self->slot, numfile))
		TH_LOG("%s", kind->name);
		EXPECT_HELD(0, self->slot, numfile)
		TH_LOG("%s", kind->name);
		set_bounds(self->slot, numfile, kind->files, 100);
		EXPECT_LE(0, what = puppet_do(self->p, kind->make, 0, 0, 0))
		TH_LOG("%s", kind->name);
		EXPECT_EQ(0, end_kind(self->p, kind, what));
		EXPECT_HELD(0, self->slot, numfile);
	}
	/* no descriptor was left behind either */
	EXPECT_EQ(PUPPET_FD, puppet_open(self->p, "/dev/null", O_RDONLY));
	EXPECT_EQ(1, held(self->slot, numproc));
}

/* --- what makes none ------------------------------------------------------------------ */

/* A copy of a descriptor is no new file; the last one to close ends it. */
TEST_F(files, dup)
{
	struct puppet *p = self->p;
	long fd, i;

	EXPECT_LT(0, fd = puppet_open(p, "/dev/null", O_RDONLY));
	for (i = 0; i < 7; i++) {
		EXPECT_LT(fd, puppet_sys(p, SYS_dup, fd, 0, 0, 0));
		EXPECT_EQ(50 + i, puppet_sys(p, SYS_dup2, fd, 50 + i, 0, 0));
		EXPECT_EQ(60 + i,
			  puppet_sys(p, SYS_dup3, fd, 60 + i, O_CLOEXEC, 0));
		EXPECT_LE(70, puppet_sys(p, SYS_fcntl, fd, F_DUPFD, 70, 0));
	}
	EXPECT_EQ(1, held(self->slot, numfile));
	EXPECT_EQ(0, puppet_close(p, fd));
	EXPECT_EQ(1, held(self->slot, numfile));
	/* dup2 onto another file closes that one */
	EXPECT_EQ(fd, puppet_open(p, "/dev/zero", O_RDONLY));
	EXPECT_EQ(2, held(self->slot, numfile));
	EXPECT_EQ(fd, puppet_sys(p, SYS_dup2, 50, fd, 0, 0));
	EXPECT_HELD(1, self->slot, numfile);
	EXPECT_EQ(0, puppet_do(p, close_from, PUPPET_FD, 0, 0));
	EXPECT_HELD(0, self->slot, numfile);
}

/* A child inherits files, and does not open them. */
TEST_F(files, fork)
{
	long pid[3];
	int i;

	EXPECT_EQ(PRIME,
		  puppet_do(self->p, open_many, "/dev/null", PRIME, O_RDONLY));
	for (i = 0; i < 3; i++)
		EXPECT_LT(0, pid[i] = puppet_do(self->p, fork_idle, 0, 0, 0));
	EXPECT_EQ(PRIME, held(self->slot, numfile));
	EXPECT_EQ(0, puppet_do(self->p, close_from, PUPPET_FD, 0, 0));
	EXPECT_EQ(PRIME, held(self->slot, numfile));
	EXPECT_CLEAN_AUDIT(self->slot);
	for (i = 0; i < 3; i++) {
		EXPECT_EQ(PRIME, held(self->slot, numfile));
		puppet_do(self->p, kill_and_reap, pid[i], 0, 0);
	}
	EXPECT_HELD(0, self->slot, numfile);
}

/* A file opened through /proc/self/fd is another one. */
TEST_F(files, reopen)
{
	long fd;

	EXPECT_LT(0, fd = puppet_open(self->p, DIR_NAME "/file", O_PATH));
	EXPECT_EQ(PUPPET_FD, fd);
	EXPECT_LT(fd, puppet_open(self->p, "/proc/self/fd/7", O_RDWR));
	EXPECT_EQ(2, held(self->slot, numfile));
	EXPECT_EQ(-ENOTDIR, puppet_open(self->p, "/proc/self/fd/7/", O_RDWR));
	EXPECT_HELD(2, self->slot, numfile);
}

/* --- opens that fail -------------------------------------------------------------------- */

static long open_as_other(long path, long flags, long b)
{
	long fd;

	setfsuid(65534);
	fd = result(open((const char *)path, flags));
	setfsuid(0);
	return fd;
}

/* An open that fails for another reason keeps no charge, and is no failure. */
TEST_F(files, failed_open)
{
	static char longer[NAME_MAX + 2];
	const struct {
		const char *path;
		int flags;
		int err;
	} bad[] = {
		{ DIR_NAME "/none", O_RDONLY, ENOENT },
		{ "", O_RDONLY, ENOENT },
		{ DIR_NAME "/file/x", O_RDONLY, ENOTDIR },
		{ DIR_NAME "/file", O_RDONLY | O_DIRECTORY, ENOTDIR },
		{ DIR_NAME, O_RDWR, EISDIR },
		{ DIR_NAME "/link", O_RDONLY | O_NOFOLLOW, ELOOP },
		{ DIR_NAME "/file", O_CREAT | O_EXCL | O_RDWR, EEXIST },
		{ DIR_NAME "/fifo", O_WRONLY | O_NONBLOCK, ENXIO },
		{ (const char *)1, O_RDONLY, EFAULT },
		{ shm->scratch, O_RDONLY, ENAMETOOLONG },
	};
	unsigned int i, j;

	memset(longer, 'x', NAME_MAX + 1);
	sprintf(shm->scratch, DIR_NAME "/%s", longer);
	for (j = 0; j < 3; j++)
		for (i = 0; i < ARRAY_SIZE(bad); i++)
			EXPECT_EQ(-bad[i].err, puppet_open(self->p, bad[i].path,
							   bad[i].flags));
	EXPECT_EQ(-EACCES, puppet_do(self->p, open_as_other, DIR_NAME "/file",
				     O_RDONLY, 0));
	EXPECT_HELD(0, self->slot, numfile);
	EXPECT_EQ(0, failcnt(self->slot, numfile));
	EXPECT_EQ(0, row(self->slot, numfile).underflow);
}

static long limit_descriptors(long n, long b, long c)
{
	struct rlimit limit = { n, n };

	return result(setrlimit(RLIMIT_NOFILE, &limit));
}

/* RLIMIT_NOFILE is the process's own: EMFILE, and no failure of the container's. */
TEST_F(files, rlimit)
{
	EXPECT_EQ(0,
		  puppet_do(self->p, limit_descriptors, PUPPET_FD + 7, 0, 0));
	EXPECT_EQ(7, puppet_do(self->p, open_many, "/dev/null", 100, O_RDONLY));
	EXPECT_EQ(-EMFILE, puppet_open(self->p, "/dev/null", O_RDONLY));
	EXPECT_EQ(-EMFILE, puppet_sys(self->p, SYS_dup, PUPPET_FD, 0, 0, 0));
	EXPECT_HELD(7, self->slot, numfile);
	EXPECT_EQ(0, failcnt(self->slot, numfile));
}

/* --- what keeps a file -------------------------------------------------------------------- */

static long map_and_close(long path, long b, long c)
{
	int fd = open((const char *)path, O_RDWR);
	void *where = mmap(NULL, 8192, PROT_READ, MAP_PRIVATE, fd, 0);

	close(fd);
	return where == MAP_FAILED ? -errno : (long)where;
}

static long unmap(long where, long size, long b)
{
	return result(munmap((void *)where, size));
}

/* A mapping keeps its file after close(), until its last page is unmapped. */
TEST_F(files, mapped)
{
	long where, child;

	where = puppet_do(self->p, map_and_close, DIR_NAME "/file", 0, 0);
	EXPECT_LT(0, where);
	EXPECT_EQ(1, held(self->slot, numfile));
	EXPECT_CLEAN_AUDIT(self->slot);
	EXPECT_EQ(0, puppet_do(self->p, unmap, where, 4096, 0));
	EXPECT_EQ(1, held(self->slot, numfile));
	EXPECT_LT(0, child = puppet_do(self->p, fork_idle, 0, 0, 0));
	EXPECT_EQ(0, puppet_do(self->p, unmap, where + 4096, 4096, 0));
	EXPECT_EQ(1, held(self->slot, numfile));
	puppet_do(self->p, kill_and_reap, child, 0, 0);
	EXPECT_HELD(0, self->slot, numfile);
}

/* A deleted file counts while it is open. */
TEST_F(files, deleted)
{
	long fd;

	EXPECT_LT(0,
		  fd = puppet_open(self->p, DIR_NAME "/new", O_CREAT | O_RDWR));
	EXPECT_EQ(0, unlink(DIR_NAME "/new"));
	EXPECT_EQ(1, held(self->slot, numfile));
	EXPECT_CLEAN_AUDIT(self->slot);
	EXPECT_EQ(0, puppet_close(self->p, fd));
	EXPECT_HELD(0, self->slot, numfile);
}

static long exec_with_files(long close_on_exec, long keep, long b)
{
	pid_t pid = fork();

	if (pid)
		return result(pid);
	open_many((long)"/dev/null", close_on_exec, O_RDONLY | O_CLOEXEC);
	open_many((long)"/dev/null", keep, O_RDONLY);
	execl("/bin/busybox", "sleep", "1000", NULL);
	_exit(errno);
}

/* execve() closes what is O_CLOEXEC, keeps the rest, and holds the program. */
TEST_F(files, exec)
{
	long pid;

	if (access("/bin/busybox", X_OK))
		SKIP(return, "no /bin/busybox");
	EXPECT_LT(0, pid = puppet_do(self->p, exec_with_files, 11, 7, 0));
	EXPECT_TRUE(eventually(row(self->slot, numfile).maxheld >= 18));
	EXPECT_HELD(7 + 1, self->slot, numfile);
	EXPECT_CLEAN_AUDIT(self->slot);
	puppet_do(self->p, kill_and_reap, pid, 0, 0);
	EXPECT_HELD(0, self->slot, numfile);
	/* the exec itself is refused like any open */
	set_bounds(self->slot, numfile, 0, 0);
	EXPECT_LT(0, pid = puppet_do(self->p, exec_with_files, 0, 0, 0));
	EXPECT_EQ(pid, puppet_sys(self->p, SYS_wait4, pid, shm->scratch, 0, 0));
	EXPECT_EQ(ENFILE, WEXITSTATUS(*(int *)shm->scratch));
}

/* All that a process held open goes when it is killed. */
TEST_F(files, killed)
{
	int i;

	for (i = 0; i < 5; i++) {
		EXPECT_EQ(211, puppet_do(self->p, open_many, "/dev/null", 211,
					 O_RDONLY));
		EXPECT_EQ(211, held(self->slot, numfile));
		puppet_end(self->p);
		EXPECT_HELD(0, self->slot, numfile);
		self->p = puppet_in(self->slot);
	}
	EXPECT_EQ(0, row(self->slot, numfile).underflow);
}

/* --- accept ---------------------------------------------------------------------------- */

static long listen_on(long port, long b, long c)
{
	struct sockaddr_in addr = {
		.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)&addr, sizeof(addr)) || listen(fd, 5))
		return -errno;
	return fd;
}

static long connect_to(long port, long b, long c)
{
	struct sockaddr_in addr = {
		.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (fd < 0 || connect(fd, (struct sockaddr *)&addr, sizeof(addr)))
		return -errno;
	return fd;
}

/*
 * An accepted connection is a file of who accepts it. One that is refused with
 * ENFILE waits for the next accept.
 */
TEST_F(files, accept)
{
	int other = make("kt-b");
	struct puppet *p = self->p, *client = puppet_in(other);
	long fd;

	EXPECT_EQ(PUPPET_FD, fd = puppet_do(p, listen_on, 2323, 0, 0));
	EXPECT_LE(0, puppet_do(client, connect_to, 2323, 0, 0));
	EXPECT_LE(0, puppet_do(client, connect_to, 2323, 0, 0));
	EXPECT_EQ(1, held(self->slot, numfile));
	EXPECT_EQ(2, held(other, numfile));
	EXPECT_EQ(fd + 1, puppet_sys(p, SYS_accept4, fd, 0, 0, SOCK_CLOEXEC));
	EXPECT_EQ(2, held(self->slot, numfile));
	set_bounds(self->slot, numfile, 2, 2);
	EXPECT_EQ(-ENFILE, puppet_sys(p, SYS_accept, fd, 0, 0, 0));
	EXPECT_HELD(2, self->slot, numfile);
	set_bounds(self->slot, numfile, 3, 3);
	EXPECT_EQ(fd + 2, puppet_sys(p, SYS_accept, fd, 0, 0, 0));
	EXPECT_EQ(3, held(self->slot, numfile));
	EXPECT_EQ(2, held(other, numfile));
	puppet_end(client);
	EXPECT_HELD(0, other, numfile);
	EXPECT_EQ(3, held(self->slot, numfile));
}

RESCORE_TEST_MAIN(NULL)
