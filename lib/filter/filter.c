// SPDX-License-Identifier: GPL-2.0
/*
 * System calls that no service needs and escapes begin with. A second fence: most
 * fail already for want of a capability. clone3 is refused with ENOSYS, since a
 * filter cannot see its flags: C libraries then call clone.
 *
 * Runs when rescore is built and writes the filter, which is the same for all
 * containers, to its output: to make it at each start would be a fifth of that.
 */
#include <errno.h>
#include <sched.h>
#include <seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define ARRAY_SIZE(array)	(sizeof(array) / sizeof((array)[0]))

#ifndef TIOCLINUX
#define TIOCLINUX 0x541C
#endif

static const char *const refused[] = {
	/* mounts */
	"mount",
	"umount",
	"umount2",
	"pivot_root",
	"move_mount",
	"open_tree",
	"fsopen",
	"fsconfig",
	"fsmount",
	"fspick",
	"mount_setattr",
	"swapon",
	"swapoff",
	"quotactl",
	"quotactl_fd",
	/* namespaces, handles that lead out of the root */
	"setns",
	"unshare",
	"open_by_handle_at",
	"name_to_handle_at",
	/* the kernel itself */
	"kexec_load",
	"kexec_file_load",
	"init_module",
	"finit_module",
	"delete_module",
	"create_module",
	"query_module",
	"get_kernel_syms",
	"bpf",
	"perf_event_open",
	"userfaultfd",
	"lookup_dcookie",
	"syslog",
	"reboot",
	"acct",
	"iopl",
	"ioperm",
	"nfsservctl",
	"uselib",
	"ustat",
	"sysfs",
	"_sysctl",
	"vm86",
	"vm86old",
	"kcmp",
	/* keys have no namespace */
	"add_key",
	"keyctl",
	"request_key",
	/* what it does is seen by no filter */
	"io_uring_setup",
	"io_uring_enter",
	"io_uring_register",
	/* the clock */
	"settimeofday",
	"clock_settime",
	"clock_settime64",
	"clock_adjtime",
	"clock_adjtime64",
	"adjtimex",
	"stime",
	"vhangup",
};

static int add_refused(scmp_filter_ctx filter)
{
	size_t i;
	int nr, err;

	for (i = 0; i < ARRAY_SIZE(refused); i++) {
		nr = seccomp_syscall_resolve_name(refused[i]);
		if (nr == __NR_SCMP_ERROR)
			continue;	/* newer than libseccomp, or gone */
		err = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), nr, 0);
		if (err)
			return err;
	}
	return 0;
}

/* Calls that are refused for some arguments only. */
static int add_conditional(scmp_filter_ctx filter)
{
	static const unsigned long spaces[] = {
		CLONE_NEWNS,  CLONE_NEWUTS,  CLONE_NEWIPC,    CLONE_NEWPID,
		CLONE_NEWNET, CLONE_NEWUSER, CLONE_NEWCGROUP,
	};
	static const unsigned long ioctls[] = { TIOCSTI, TIOCLINUX };
	size_t i;
	int err = 0;

	for (i = 0; !err && i < ARRAY_SIZE(spaces); i++)
		err = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM),
				       SCMP_SYS(clone), 1,
				       SCMP_A0(SCMP_CMP_MASKED_EQ, spaces[i],
					       spaces[i]));
	/* the kernel looks at 32 bits of the request: so do we */
	for (i = 0; !err && i < ARRAY_SIZE(ioctls); i++)
		err = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM),
				       SCMP_SYS(ioctl), 1,
				       SCMP_A1(SCMP_CMP_MASKED_EQ, 0xffffffffUL,
					       ioctls[i]));
	if (!err)
		err = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EAFNOSUPPORT),
				       SCMP_SYS(socket), 1,
				       SCMP_A0(SCMP_CMP_EQ, AF_VSOCK));
	return err;
}

int main(void)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	int err;

	if (!filter)
		return 1;
	/* 32-bit programs and x32 have the same filter, not a way round it */
	err = seccomp_arch_add(filter, SCMP_ARCH_X86);
	err = err ?: seccomp_arch_add(filter, SCMP_ARCH_X32);
	err = err   ?:
		      seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS),
				       SCMP_SYS(clone3), 0);
	/* a tree: what is loaded is tried for every call that there is */
	err = err ?: seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	err = err ?: add_refused(filter);
	err = err ?: add_conditional(filter);
	err = err ?: seccomp_export_bpf(filter, STDOUT_FILENO);
	seccomp_release(filter);
	if (err)
		fprintf(stderr, "filter: %s\n", strerror(-err));
	return !!err;
}
