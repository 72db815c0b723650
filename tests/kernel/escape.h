/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Ways out of a container by file systems, namespaces, devices and the system calls
 * that lead to them; escape_calls.h has others. Each is a function that returns 0 or
 * more if it worked, or -1 and errno.
 */
#ifndef ESCAPE_H
#define ESCAPE_H

#include <dirent.h>
#include <linux/bpf.h>
#include <linux/kexec.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/xattr.h>

#include "contain.h"

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

#endif /* ESCAPE_H */
