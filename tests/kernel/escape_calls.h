/* SPDX-License-Identifier: GPL-2.0 */
/* Ways out by other system calls: processes, IPC, sockets, old ABIs, half mounts. */
#ifndef ESCAPE_CALLS_H
#define ESCAPE_CALLS_H

#include <linux/audit.h>
#include <linux/fs.h>
#include <linux/netlink.h>
#include <sys/ipc.h>
#include <sys/personality.h>
#include <sys/shm.h>
#include <sys/timerfd.h>
#include <sys/uio.h>

#include "escape.h"

#define HOST_KEY	0x52534352	/* of a segment of the host's */

/* --- the same calls by another door ------------------------------------------------ */

/* A raw return value as libc has it. */
static long as_errno(long ret)
{
	if (ret >= 0 || ret < -4095)
		return ret;
	errno = (int)-ret;
	return -1;
}

/* mount() as a 32-bit program calls it: 21. Its pointers are 0. */
static long int80_mount(void)
{
	long ret;

	__asm__ volatile("int $0x80"
			 : "=a"(ret)
			 : "a"(21), "b"(0), "c"(0), "d"(0), "S"(0), "D"(0)
			 : "r8", "r9", "r10", "r11", "memory");
	return as_errno((int)ret);
}

static long x32_mount(void)
{
	return syscall(0x40000000 | SYS_mount, "none", "/mnt", "tmpfs", 0, 0);
}

/* A traced child has its system call changed after the filter saw another. */
static long trace_past_filter(void)
{
	struct iovec iov;
	long regs[27];
	int status, err = 0;
	pid_t pid = fork();

	if (pid == 0) {
		ptrace(PTRACE_TRACEME, 0, 0, 0);
		raise(SIGSTOP);
		_exit(mount("none", "/mnt", "tmpfs", 0, NULL) ? errno : 0);
	}
	waitpid(pid, &status, 0);
	/* to the entry of mount(), which becomes getpid() and back */
	while (!err && WIFSTOPPED(status)) {
		iov = (struct iovec){ regs, sizeof(regs) };
		err = ptrace(PTRACE_GETREGSET, pid, 1, &iov) < 0;
		if (!err && regs[15] == SYS_mount) {
			regs[15] = SYS_getpid;
			ptrace(PTRACE_SETREGSET, pid, 1, &iov);
			regs[15] = SYS_mount;
			ptrace(PTRACE_SETREGSET, pid, 1, &iov);
		}
		ptrace(PTRACE_SYSCALL, pid, 0, 0);
		waitpid(pid, &status, 0);
	}
	errno = WIFEXITED(status) ? WEXITSTATUS(status) : EIO;
	return errno ? -1 : 0;
}

/* --- half mounts, cgroups ----------------------------------------------------------- */

/* A process that is born in another cgroup. */
static long clone3_cgroup(void)
{
	uint64_t args[11] = { 0x200000000ULL, 0, 0, 0, SIGCHLD };
	long pid;

	args[10] = (uint64_t)open("/sys/fs/cgroup", O_PATH | O_DIRECTORY);
	pid = syscall(SYS_clone3, args, sizeof(args));
	if (pid == 0)
		_exit(0);
	return pid;
}

/* --- processes ------------------------------------------------------------------------ */

static char secret[16];

static long vm_read(void)
{
	struct iovec here = { secret, sizeof(secret) };
	struct iovec there = { secret, sizeof(secret) };

	return process_vm_readv(host_pid, &here, 1, &there, 1, 0);
}

static long vm_write(void)
{
	struct iovec here = { secret, sizeof(secret) };
	struct iovec there = { secret, sizeof(secret) };

	return process_vm_writev(host_pid, &here, 1, &there, 1, 0);
}

static long real_time(void)
{
	struct sched_param param = { .sched_priority = 1 };

	return sched_setscheduler(0, SCHED_FIFO, &param);
}

/* With page 0 mapped, a NULL pointer of the kernel's leads to us. */
static long page_zero(void)
{
	void *page;

	personality(MMAP_PAGE_ZERO);
	page = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	return page == MAP_FAILED ? -1 : 0;
}

/* --- netlink, IPC ----------------------------------------------------------------------- */

/* What the kernel answers to a message of @type. */
static long netlink(int protocol, uint16_t type, uint32_t groups)
{
	struct {
		struct nlmsghdr head;
		char body[64];
	} message = { .head = { sizeof(message), type,
				NLM_F_REQUEST | NLM_F_ACK, 1, 0 } };
	struct sockaddr_nl to = { .nl_family = AF_NETLINK,
				  .nl_groups = groups };
	struct timeval wait = { .tv_sec = 5 };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);
	struct nlmsgerr *answer = (void *)message.body;

	if (fd < 0 || sendto(fd, &message, sizeof(message), 0,
			     (struct sockaddr *)&to, sizeof(to)) < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
	if (groups)
		return 0;
	if (recv(fd, &message, sizeof(message), 0) < 0)
		return -1;
	return message.head.nlmsg_type == NLMSG_ERROR ?
		       as_errno(answer->error) :
		       0;
}

static long set_immutable(void)
{
	int fd = open("/tmp/mine", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	int flags = FS_IMMUTABLE_FL;

	return ioctl(fd, FS_IOC_SETFLAGS, &flags);
}

/* Inode 0/0 of a union file system stands for what is deleted; here it is no device. */
static long whiteout(void)
{
	unlink("/tmp/whiteout");
	(void)!mknod("/tmp/whiteout", S_IFCHR | 0600, 0);
	return open("/tmp/whiteout", O_RDWR | O_CLOEXEC);
}

TRY(do_move_mount, syscall(SYS_move_mount, -100, "/usr", -100, "/mnt", 0))
TRY(do_fsmount, syscall(SYS_fsmount, 0, 0, 0))
TRY(do_fspick, syscall(SYS_fspick, -100, "/", 0))
TRY(do_fsconfig, syscall(SYS_fsconfig, 0, 6, NULL, NULL, 0))
TRY(name_to_handle,
    syscall(SYS_name_to_handle_at, -100, "/", &(int[8]){ 8 }, &(int){ 0 }, 0))
TRY(do_debugfs, try_open("/sys/kernel/debug/sleep_time", O_RDONLY))
TRY(do_tracefs, try_open("/sys/kernel/tracing/trace", O_RDONLY))
TRY(kmsg, try_open("/dev/kmsg", O_RDWR))
TRY(fuse, try_open("/dev/fuse", O_RDWR))
TRY(fuse_device, device(S_IFCHR, 10, 229))
TRY(init_image, try_open("/dev/rescore/rescore-init", O_WRONLY))
TRY(init_removed, unlink("/dev/rescore/rescore-init"))
TRY(init_moved, rename("/dev/rescore", "/dev/other"))
TRY(null_moved, rename("/dev/null", "/dev/other"))
TRY(mtu, write_to("/sys/class/net/lo/mtu", "100"))
TRY(forward, write_to("/proc/sys/net/ipv4/ip_forward", "1"))
TRY(last_pid, write_to("/proc/sys/kernel/ns_last_pid", "1"))
TRY(cgroup_kill, write_to("/sys/fs/cgroup/cgroup.kill", "1"))
TRY(cgroup_freeze, write_to("/sys/fs/cgroup/cgroup.freeze", "0"))
TRY(pidfd, syscall(SYS_pidfd_open, host_pid, 0))
TRY(priority, getpriority(PRIO_PROCESS, (id_t)host_pid))
TRY(do_kcmp, syscall(SYS_kcmp, 1, 1, 0, 0, 0))
TRY(brk_moved, prctl(PR_SET_MM, PR_SET_MM_START_BRK, 0, 0, 0))
TRY(wake_alarm, timerfd_create(CLOCK_BOOTTIME_ALARM, 0))
TRY(domain, setdomainname("host", 4))
TRY(console, syscall(SYS_vhangup))
TRY(line_discipline, ioctl(0, 0x541C, &(char){ 6 }))
TRY(inject_high, ioctl(0, (unsigned long)TIOCSTI | 1ULL << 32, "x"))
TRY(kexec_file, syscall(SYS_kexec_file_load, 0, 0, 0, "", 0))
TRY(unload_module, syscall(SYS_delete_module, "veth", 0))
TRY(other_keys, syscall(SYS_request_key, "user", "x", NULL, -3))
TRY(uring_enter, syscall(SYS_io_uring_enter, 0, 0, 0, 0, NULL, 0))
TRY(host_segment, shmget(HOST_KEY, 0, 0))
TRY(audit_off, netlink(NETLINK_AUDIT, AUDIT_SET, 0))
TRY(audit_rule, netlink(NETLINK_AUDIT, AUDIT_ADD_RULE, 0))
TRY(fake_uevent, netlink(NETLINK_KOBJECT_UEVENT, 0, 1))
TRY(new_link, netlink(NETLINK_ROUTE, 16, 0))
TRY(packet_filter, netlink(NETLINK_NETFILTER, 0x0a00, 0))

#endif /* ESCAPE_CALLS_H */
