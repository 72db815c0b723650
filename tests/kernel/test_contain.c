// SPDX-License-Identifier: GPL-2.0
/*
 * Ways out of a container, tried by its root: this program runs itself in one and
 * reads what each attempt came to. Each must fail, and with the container's own
 * errno where another would mean that it failed by accident. Then: many starts, and
 * starts killed half-way, leave nothing behind.
 */
#include <dirent.h>
#include <linux/bpf.h>
#include <linux/kexec.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/xattr.h>

#include "puppet.h"
#include "rescore_ct.h"

#define ROOT	"/tmp/contain-escape"

/* --- the attempts: 0 or more = it worked, -1 = errno says why not ------------------- */

static long try_open(const char *path, int flags)
{
	return open(path, flags | O_CLOEXEC, 0600);
}

static long write_to(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	return fd < 0 ? -1 : write(fd, text, strlen(text));
}

/* A handle on the root folder of the file system, as shocker.c had it. */
static long open_handle(void)
{
	char room[sizeof(struct file_handle) + 8] = { 0 };
	struct file_handle *h = (struct file_handle *)room;

	h->handle_bytes = 8;
	h->handle_type = 1;
	room[sizeof(*h)] = 2;
	return open_by_handle_at(AT_FDCWD, h, O_RDONLY);
}

static long raise_limit(int which)
{
	struct rlimit limit;

	getrlimit(which, &limit);
	limit.rlim_max = limit.rlim_cur = limit.rlim_max + 1;
	return setrlimit(which, &limit);
}

/* Up to the root of the host, with a folder kept open from before. */
static long chroot_twice(void)
{
	int up = open("/", O_RDONLY | O_DIRECTORY);
	int i;

	mkdir("/jail", 0700);
	if (chroot("/jail"))
		return -1;
	if (fchdir(up))
		return -1;
	for (i = 0; i < 64; i++)
		(void)!chdir("..");
	return chroot(".");
}

/* Is there anything of the host's above /? */
static long walk_up(void)
{
	struct stat root, up;

	if (stat("/", &root) || stat("/../../../..", &up))
		return -1;
	errno = ENOENT;
	return root.st_ino == up.st_ino && root.st_dev == up.st_dev ? -1 : 0;
}

/* More descriptors than the three, and the one that looks. */
static long leaked_fd(void)
{
	int fd, n = 0;

	for (fd = 3; fd < 1024; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	errno = EBADF;
	return n ? 0 : -1;
}

/* A process that is not in our namespace. */
static long foreign_pid(void)
{
	struct dirent *entry;
	DIR *dir = opendir("/proc");
	char path[300], root[64];
	ssize_t n;
	long found = -1;

	while (dir && (entry = readdir(dir))) {
		snprintf(path, sizeof(path), "/proc/%s/root/host-secret",
			 entry->d_name);
		n = readlink(path, root, sizeof(root));
		if (n >= 0 || access(path, F_OK) == 0)
			found = 0;
	}
	if (dir)
		closedir(dir);
	errno = ENOENT;
	return found;
}

static long abstract_socket(void)
{
	struct sockaddr_un name = { AF_UNIX, "\0rescore-host" };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	return connect(fd, (struct sockaddr *)&name, sizeof(sa_family_t) + 13);
}

static long set_link(void)
{
	struct ifreq request = { .ifr_name = "lo" };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	return ioctl(fd, SIOCSIFFLAGS, &request);
}

static long inject(void)
{
	return ioctl(0, TIOCSTI, "x");
}

static const char *program;	/* our path */
static pid_t host_pid;	/* one outside */

static long trace(void)
{
	return ptrace(PTRACE_ATTACH, host_pid, 0, 0);
}

static long mem_of_host(void)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/mem", host_pid);
	return open(path, O_RDWR | O_CLOEXEC);
}

static long clone_user(void)
{
	long pid = syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0);

	if (pid == 0)
		_exit(0);
	return pid;
}

static long clone3_user(void)
{
	uint64_t args[11] = { CLONE_NEWUSER | CLONE_NEWNS, 0, 0, 0, SIGCHLD };
	long pid = syscall(SYS_clone3, args, sizeof(args));

	if (pid == 0)
		_exit(0);
	return pid;
}

static long bpf_map(void)
{
	union bpf_attr attr = { .map_type = BPF_MAP_TYPE_ARRAY,
				.key_size = 4,
				.value_size = 4,
				.max_entries = 1 };

	return syscall(SYS_bpf, BPF_MAP_CREATE, &attr, sizeof(attr));
}

static long bpf_pin(void)
{
	union bpf_attr attr = { .pathname = (uintptr_t)RESCORE_PIN_DIR
				"/table" };

	return syscall(SYS_bpf, BPF_OBJ_GET, &attr, sizeof(attr));
}

/* The host's file behind a bind mount, made writable again. */
static long remount(void)
{
	return mount(NULL, "/usr", NULL, MS_REMOUNT | MS_BIND, NULL);
}

static long own_links(void)
{
	(void)!symlink("/proc/1/root/host-secret", "/tmp/link");
	return try_open("/tmp/link", O_RDONLY);
}

static long device(mode_t kind, int major, int minor)
{
	unlink("/tmp/device");
	return mknod("/tmp/device", kind | 0600, makedev(major, minor));
}

struct attempt {
	const char *name;
	long (*try)(void);
	int want;	/* errno; 0 = any */
};

#define TRY(name, expression) static long name(void) { return expression; }

TRY(do_mount, mount("none", "/mnt", "tmpfs", 0, NULL))
TRY(do_bind, mount("/", "/mnt", NULL, MS_BIND, NULL))
TRY(do_proc, mount("proc", "/mnt", "proc", 0, NULL))
TRY(do_overlay, mount("overlay", "/mnt", "overlay", 0, "lowerdir=/:/usr"))
TRY(do_cgroup, mount("none", "/mnt", "cgroup2", 0, NULL))
TRY(do_bpffs, mount("none", "/mnt", "bpf", 0, NULL))
TRY(do_umount, umount2("/proc/kcore", MNT_DETACH))
TRY(do_umount_dev, umount2("/dev", MNT_DETACH))
TRY(do_pivot, syscall(SYS_pivot_root, ".", "."))
TRY(do_open_tree, syscall(SYS_open_tree, -100, "/", 1))
TRY(do_fsopen, syscall(SYS_fsopen, "tmpfs", 0))
TRY(do_setattr,
    syscall(SYS_mount_setattr, -100, "/usr", 0, (uint64_t[4]){ 0 }, 32))
TRY(do_unshare_user, unshare(CLONE_NEWUSER))
TRY(do_unshare_mount, unshare(CLONE_NEWNS))
TRY(do_setns, setns(open("/proc/1/ns/mnt", O_RDONLY), 0))
TRY(do_chroot, chroot("/tmp"))
TRY(root_of_1, try_open("/proc/1/root/host-secret", O_RDONLY))
TRY(cwd_of_1, try_open("/proc/1/cwd/host-secret", O_RDONLY))
TRY(exe_of_1, try_open("/proc/1/exe", O_WRONLY))
TRY(kill_host, kill(host_pid, 0))
TRY(core_pattern, write_to("/proc/sys/kernel/core_pattern", "|/bin/x"))
TRY(modprobe_path, write_to("/proc/sys/kernel/modprobe", "/bin/x"))
TRY(sysrq, write_to("/proc/sysrq-trigger", "h"))
TRY(oom_1, write_to("/proc/self/oom_score_adj", "-1000"))
TRY(uid_map, write_to("/proc/self/uid_map", "0 0 1"))
TRY(cgroup_procs, write_to("/sys/fs/cgroup/cgroup.procs", "0"))
TRY(cgroup_up, write_to("/sys/fs/cgroup/../cgroup.procs", "0"))
TRY(cgroup_make, mkdir("/sys/fs/cgroup/mine", 0700))
TRY(cgroup_max, write_to("/sys/fs/cgroup/memory.max", "max"))
TRY(uevent, write_to("/sys/kernel/uevent_helper", "/bin/x"))
TRY(kcore, try_open("/proc/kcore", O_RDWR | O_APPEND) < 0 ?
		   -1 :
		   read(open("/proc/kcore", O_RDONLY), &(char){ 0 }, 1) - 1)
TRY(bpf_folder, try_open(RESCORE_PIN_DIR, O_RDONLY))
TRY(block_device, device(S_IFBLK, 8, 0))
TRY(mem_device, device(S_IFCHR, 1, 1))
TRY(chmod_null, chmod("/dev/null", 0600))
TRY(ready_device, try_open("/host-disk", O_RDONLY))
TRY(set_uid_bind, chmod("/usr", 04777))
TRY(write_bind, try_open("/usr/written", O_CREAT | O_WRONLY))
TRY(load_module, syscall(SYS_init_module, "x", 1, ""))
TRY(load_module_fd, syscall(SYS_finit_module, 0, "", 0))
TRY(kexec, syscall(SYS_kexec_load, 0, 0, NULL, 0))
TRY(keys, syscall(SYS_add_key, "user", "x", "y", 1, -3))
TRY(old_keys, syscall(SYS_keyctl, 0, -3, 1))
TRY(perf, syscall(SYS_perf_event_open, NULL, 0, -1, -1, 0))
TRY(uring, syscall(SYS_io_uring_setup, 1, (char[120]){ 0 }))
TRY(fault, syscall(SYS_userfaultfd, 0))
TRY(do_reboot, syscall(SYS_reboot, 0xfee1dead, 672274793, 0, NULL))
TRY(clock_set, clock_settime(CLOCK_REALTIME, &(struct timespec){ 1, 0 }))
TRY(set_hostname, sethostname("host", 4))
TRY(dmesg, syscall(SYS_syslog, 3, (char[16]){ 0 }, 16))
TRY(do_acct, acct("/tmp/acct"))
TRY(do_swapon, syscall(SYS_swapon, "/tmp/x", 0))
TRY(ports, syscall(SYS_iopl, 3))
TRY(files_up, raise_limit(RLIMIT_NOFILE))
TRY(procs_up, raise_limit(RLIMIT_NPROC))
TRY(nice_up, setpriority(PRIO_PROCESS, 0, -20))
TRY(raw_socket, socket(AF_INET, SOCK_RAW, 1))
TRY(packet_socket, socket(AF_PACKET, SOCK_RAW, 0))
TRY(vsock, socket(40, SOCK_STREAM, 0))
TRY(file_caps,
    setxattr("/tmp", "security.capability", (char[20]){ 0, 0, 0, 2 }, 20, 0))
TRY(trusted, setxattr("/tmp", "trusted.overlay.opaque", "y", 1, 0))

static const struct attempt attempts[] = {
#define A(name, want) { #name, name, want }
	A(do_mount, EPERM),
	A(do_bind, EPERM),
	A(do_proc, EPERM),
	A(do_overlay, EPERM),
	A(do_cgroup, EPERM),
	A(do_bpffs, EPERM),
	A(do_umount, EPERM),
	A(do_umount_dev, EPERM),
	A(do_pivot, EPERM),
	A(do_open_tree, EPERM),
	A(do_fsopen, EPERM),
	A(do_setattr, EPERM),
	A(do_unshare_user, EPERM),
	A(do_unshare_mount, EPERM),
	A(do_setns, EPERM),
	A(do_chroot, EPERM),
	A(chroot_twice, EPERM),
	A(clone_user, EPERM),
	A(clone3_user, ENOSYS),
	A(remount, EPERM),
	A(walk_up, 0),
	A(leaked_fd, 0),
	A(foreign_pid, 0),
	A(root_of_1, 0),
	A(cwd_of_1, 0),
	A(exe_of_1, 0),
	A(mem_of_host, ENOENT),
	A(kill_host, ESRCH),
	A(own_links, 0),
	A(open_handle, EPERM),
	A(trace, ESRCH),
	A(core_pattern, EROFS),
	A(modprobe_path, EROFS),
	A(sysrq, EROFS),
	A(oom_1, EACCES),
	A(uid_map, 0),
	A(cgroup_procs, EROFS),
	A(cgroup_up, 0),
	A(cgroup_make, EROFS),
	A(cgroup_max, 0),
	A(uevent, 0),
	A(kcore, 0),
	A(bpf_folder, ENOENT),
	A(bpf_map, EPERM),
	A(bpf_pin, EPERM),
	A(block_device, EPERM),
	A(mem_device, EPERM),
	A(chmod_null, EROFS),
	A(ready_device, EACCES),
	A(set_uid_bind, EROFS),
	A(write_bind, EROFS),
	A(load_module, EPERM),
	A(load_module_fd, EPERM),
	A(kexec, EPERM),
	A(keys, EPERM),
	A(old_keys, EPERM),
	A(perf, EPERM),
	A(uring, EPERM),
	A(fault, EPERM),
	A(do_reboot, EPERM),
	A(clock_set, EPERM),
	A(set_hostname, EPERM),
	A(set_link, EPERM),
	A(dmesg, EPERM),
	A(do_acct, EPERM),
	A(do_swapon, EPERM),
	A(ports, EPERM),
	A(files_up, EPERM),
	A(procs_up, EPERM),
	A(nice_up, EACCES),
	A(raw_socket, EPERM),
	A(packet_socket, EPERM),
	A(vsock, EAFNOSUPPORT),
	A(abstract_socket, ECONNREFUSED),
	A(inject, EPERM),
	A(file_caps, EPERM),
	A(trusted, EPERM),
};
#define NR_ATTEMPTS (sizeof(attempts) / sizeof(*attempts))

/* In the container: each in a process of its own; a line for each. */
static int try_all(void)
{
	unsigned int i;
	long ret;

	for (i = 0; i < NR_ATTEMPTS; i++) {
		if (fork() == 0) {
			errno = 0;
			ret = attempts[i].try();
			printf("%s %ld %d\n", attempts[i].name,
			       ret < 0 ? -1L : 0L, ret < 0 ? errno : 0);
			fflush(stdout);
			_exit(0);
		}
		wait(NULL);
	}
	printf("end\n");
	return 0;
}

/* --- the host's side -------------------------------------------------------------------- */

FIXTURE(contain){};

static void host_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	(void)!write(fd, text, strlen(text));
	close(fd);
}

FIXTURE_SETUP(contain)
{
	world_begin(_metadata);
	/* the machine's init reaps what a container leaves, as everywhere */
	prctl(PR_SET_CHILD_SUBREAPER, 0);
	mkdir(ROOT, 0755);
	ASSERT_EQ(0, mount("none", ROOT, "tmpfs", 0, "mode=755"));
	mkdir(ROOT "/mnt", 0755);
	mkdir(ROOT "/usr", 0755);
	ASSERT_EQ(0, symlink("usr/lib", ROOT "/lib"));
	ASSERT_EQ(0, symlink("usr/lib64", ROOT "/lib64"));
	ASSERT_EQ(0, symlink("usr/bin", ROOT "/bin"));
	ASSERT_EQ(0, mknod(ROOT "/host-disk", S_IFCHR | 0666, makedev(1, 1)));
	host_file("/host-secret", "secret");
}

FIXTURE_TEARDOWN(contain)
{
	umount2(ROOT, MNT_DETACH);
	unlink("/host-secret");
	world_end(_metadata);
}

static struct rescore_ct *describe(struct __test_metadata *_metadata)
{
	struct rescore_ct *ct;

	ASSERT_EQ(0, rescore_ct_new(&ct));
	ASSERT_EQ(0, rescore_ct_set(ct, "rootfs", ROOT));
	ASSERT_EQ(0, rescore_ct_set(ct, "bind", "/usr:/usr:ro"));
	ASSERT_EQ(0, rescore_ct_set(ct, "bind", "/t:/t:ro"));
	return ct;
}

static char *read_log(const char *name)
{
	static char text[1 << 16];
	char path[128];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), RESCORE_CT_STORE "/%s/log", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);
	text[n > 0 ? n : 0] = '\0';
	close(fd);
	return text;
}

/* Every way out that root in a container may try fails as it should. */
TEST_F(contain, no_escape)
{
	struct rescore_ct *ct = describe(_metadata);
	char line[128], *at;
	char pid[16];
	char *argv[] = { (char *)program, (char *)"escape", pid, NULL };
	unsigned int i, seen = 0;
	int slot = make("escape"), err;
	long ret;

	snprintf(pid, sizeof(pid), "%d", getpid());
	ASSERT_EQ(0, rescore_ct_store("escape", ct));
	rescore_ct_free(ct);
	ASSERT_EQ(0, rescore_ct_start(rs, slot, argv))
	{
		TH_LOG("%s", rescore_strerror());
	}
	EXPECT_TRUE(within(60000, strstr(read_log("escape"), "\nend\n")));
	for (i = 0; i < NR_ATTEMPTS; i++) {
		snprintf(line, sizeof(line), "\n%s ", attempts[i].name);
		at = i ? strstr(read_log("escape"), line) :
			 read_log("escape") - 1;
		if (!at || sscanf(at + 1, "%*s %ld %d", &ret, &err) != 2) {
			TH_LOG("%s gave no result", attempts[i].name);
			continue;
		}
		seen++;
		EXPECT_EQ(-1, ret)
		{
			TH_LOG("%s got out", attempts[i].name);
		}
		EXPECT_EQ(attempts[i].want ?: err, err)
		{
			TH_LOG("%s: errno %d", attempts[i].name, err);
		}
	}
	EXPECT_EQ(NR_ATTEMPTS, seen);
	EXPECT_TRUE(within(LATE_MS, rescore_nr_processes(rs, slot) == 0));
	EXPECT_EQ(0, rescore_ct_forget("escape"));
}

static int count(const char *path)
{
	struct dirent *entry;
	DIR *dir = opendir(path);
	int n = 0;

	while (dir && (entry = readdir(dir)))
		n += entry->d_name[0] != '.';
	if (dir)
		closedir(dir);
	return n;
}

static int count_lines(const char *path)
{
	FILE *file = fopen(path, "re");
	int c, n = 0;

	while (file && (c = fgetc(file)) != EOF)
		n += c == '\n';
	if (file)
		fclose(file);
	return n;
}

struct leftovers {
	int mounts, stored, noted, cgroups, links, descriptors;
};

static struct leftovers look_around(void)
{
	return (struct leftovers){
		count_lines("/proc/self/mountinfo"),
		count(RESCORE_CT_STORE),
		count(RESCORE_CT_RUN),
		count("/sys/fs/cgroup/rescore"),
		count("/sys/class/net"),
		count("/proc/self/fd"),
	};
}

/* Two hundred lives leave nothing. */
TEST_F_TIMEOUT(contain, nothing_left, 300)
{
	char *argv[] = { (char *)"/bin/sleep", (char *)"1000", NULL };
	struct rescore_ct *ct = describe(_metadata);
	struct leftovers before, after;
	const char *cycles = getenv("CYCLES");
	int slot, i, n = cycles ? atoi(cycles) : 200;

	ASSERT_EQ(0, rescore_ct_set(ct, "net", "veth"));
	mkdir("/sys/fs/cgroup/rescore", 0755);
	before = look_around();
	for (i = 0; i < n; i++) {
		slot = rescore_create(rs, "cycle", NULL);
		ASSERT_LT(0, slot);
		ASSERT_EQ(0, rescore_ct_store("cycle", ct));
		ASSERT_EQ(0, rescore_ct_start(rs, slot, argv))
		{
			TH_LOG("%d: %s", i, rescore_strerror());
		}
		ASSERT_LE(0, rescore_ct_stop(rs, slot, SIGTERM, 10000));
		ASSERT_EQ(0, rescore_destroy(rs, slot, false))
		{
			TH_LOG("%d: %s", i, rescore_strerror());
		}
		ASSERT_EQ(0, rescore_ct_forget("cycle"));
	}
	rescore_ct_free(ct);
	EXPECT_TRUE(within(LATE_MS, count("/sys/class/net") == before.links));
	after = look_around();
	EXPECT_EQ(before.mounts, after.mounts);
	EXPECT_EQ(before.stored, after.stored);
	EXPECT_EQ(before.noted, after.noted);
	EXPECT_EQ(before.cgroups, after.cgroups);
	EXPECT_EQ(before.descriptors, after.descriptors);
}

/* Who starts is killed, later and later: destroy cleans up what there is. */
TEST_F_TIMEOUT(contain, killed_starter, 300)
{
	char *argv[] = { (char *)"/bin/sleep", (char *)"1000", NULL };
	struct rescore_ct *ct = describe(_metadata);
	struct leftovers before, after;
	int slot, i, status, ended = 0;
	pid_t pid;

	mkdir("/sys/fs/cgroup/rescore", 0755);
	before = look_around();
	for (i = 0; i < 150 && ended < 3; i++) {
		slot = rescore_create(rs, "killed", NULL);
		ASSERT_LT(0, slot);
		ASSERT_EQ(0, rescore_ct_store("killed", ct));
		pid = fork();
		if (pid == 0) {
			setsid();
			_exit(rescore_ct_start(rs, slot, argv) != 0);
		}
		usleep(i * 7000);
		kill(pid, SIGKILL);
		waitpid(pid, &status, 0);
		ended += WIFEXITED(status);
		/* the builder may be on its way still: destroy has to cope */
		ASSERT_TRUE(within(LATE_MS, !rescore_destroy(rs, slot, true)))
		{
			TH_LOG("%d: %s", i, rescore_strerror());
		}
		ASSERT_TRUE(within(LATE_MS, !rescore_ct_forget("killed")));
	}
	rescore_ct_free(ct);
	EXPECT_LE(3, ended);
	after = look_around();
	EXPECT_EQ(before.mounts, after.mounts);
	EXPECT_EQ(before.stored, after.stored);
	EXPECT_EQ(before.noted, after.noted);
	EXPECT_EQ(before.cgroups, after.cgroups);
}

static bool shows(int master, char *text, size_t size, const char *want)
{
	size_t used = strlen(text);
	ssize_t n = read(master, text + used, size - used - 1);

	if (n > 0)
		text[used + n] = '\0';
	return strstr(text, want);
}

/* A command has a terminal of the container's, our window's size, and Ctrl-C. */
TEST_F(contain, terminal)
{
	char *argv[] = { (char *)"/bin/sleep", (char *)"1000", NULL };
	char *shell[] = { (char *)"/bin/sh", (char *)"-c",
			  (char *)"tty; stty size; exec sleep 1000", NULL };
	struct rescore_ct_exec exec = { .argv = shell, .tty = true };
	int master = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	struct winsize size = { .ws_row = 31, .ws_col = 97 };
	struct rescore_ct *ct = describe(_metadata);
	int slot = make("terminal"), slave, status = 0;
	char text[4096] = "";
	pid_t pid;

	ASSERT_EQ(0, rescore_ct_store("terminal", ct));
	rescore_ct_free(ct);
	ASSERT_EQ(0, rescore_ct_start(rs, slot, argv));
	unlockpt(master);
	ioctl(master, TIOCSWINSZ, &size);
	pid = fork();
	if (pid == 0) {
		setsid();
		slave = ioctl(master, TIOCGPTPEER, O_RDWR);
		ioctl(slave, TIOCSCTTY, 0);
		dup2(slave, 0);
		dup2(slave, 1);
		dup2(slave, 2);
		if (rescore_ct_exec(rs, slot, &exec, &status)) {
			printf("%s\n", rescore_strerror());
			fflush(stdout);
			_exit(99);
		}
		_exit(WIFSIGNALED(status) ? WTERMSIG(status) : 98);
	}
	EXPECT_TRUE(within(20000, shows(master, text, sizeof(text), "31 97")))
	{
		TH_LOG("%s", text);
	}
	EXPECT_TRUE(strstr(text, "/dev/pts/0"));
	EXPECT_EQ(1, write(master, "\003", 1));
	EXPECT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(SIGINT, WEXITSTATUS(status));
	EXPECT_LE(0, rescore_ct_stop(rs, slot, SIGKILL, 10000));
	EXPECT_EQ(0, rescore_ct_forget("terminal"));
	close(master);
}

int main(int argc, char **argv)
{
	program = argv[0];
	if (argc == 3 && !strcmp(argv[1], "escape")) {
		host_pid = atoi(argv[2]);
		return try_all();
	}
	if (rescore_ct_protect(argv))
		printf("# %s\n", rescore_strerror());
	return run_tests(argc, argv, NULL);
}
