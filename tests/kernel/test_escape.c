// SPDX-License-Identifier: GPL-2.0
/*
 * Ways out of a container, tried by its root: this program runs itself in one and
 * reads what each attempt came to. Each must fail, and with the container's own
 * errno where another would mean that it failed by accident.
 */
#include "escape_calls.h"

static const char *program;	/* our path */

struct attempt {
	const char *name;
	long (*try)(void);
	int want;	/* errno; 0 = any */
};

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
	/* escape_calls.h */
	A(int80_mount, 0),
	A(x32_mount, 0),
	A(trace_past_filter, EPERM),
	A(clone3_cgroup, ENOSYS),
	A(vm_read, ESRCH),
	A(vm_write, ESRCH),
	A(real_time, EPERM),
	A(page_zero, EPERM),
	A(set_immutable, 0),
	A(whiteout, 0),
	A(do_move_mount, EPERM),
	A(do_fsmount, EPERM),
	A(do_fspick, EPERM),
	A(do_fsconfig, EPERM),
	A(name_to_handle, EPERM),
	A(do_debugfs, ENOENT),
	A(do_tracefs, ENOENT),
	A(kmsg, ENOENT),
	A(fuse, ENOENT),
	A(fuse_device, EPERM),
	A(init_image, 0),
	A(init_removed, EROFS),
	A(init_moved, EBUSY),
	A(null_moved, EBUSY),
	A(mtu, EROFS),
	A(forward, EROFS),
	A(last_pid, EROFS),
	A(cgroup_kill, EROFS),
	A(cgroup_freeze, EROFS),
	A(pidfd, ESRCH),
	A(priority, ESRCH),
	A(do_kcmp, EPERM),
	A(brk_moved, EPERM),
	A(wake_alarm, EPERM),
	A(domain, EPERM),
	A(console, EPERM),
	A(line_discipline, EPERM),
	A(inject_high, EPERM),
	A(kexec_file, EPERM),
	A(unload_module, EPERM),
	A(other_keys, EPERM),
	A(uring_enter, EPERM),
	A(host_segment, ENOENT),
	A(audit_off, 0),
	A(audit_rule, 0),
	A(fake_uevent, 0),
	A(new_link, EPERM),
	A(packet_filter, EPERM),
};
#define NR_ATTEMPTS (sizeof(attempts) / sizeof(*attempts))

/* In the container: each in a process of its own; a line for each. */
static int try_all(void)
{
	unsigned int i;
	int status;
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
		wait(&status);
		if (!WIFEXITED(status))
			printf("%s -1 %d\n", attempts[i].name, EFAULT);
	}
	fflush(stdout);
	printf("end\n");
	return 0;
}

/* --- the host's side --- */

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

/* What became of attempt @i; false: it gave no result. */
static bool result_of(unsigned int i, long *ret, int *err)
{
	char line[128], *at = read_log("escape");

	snprintf(line, sizeof(line), "\n%s ", attempts[i].name);
	if (i)
		at = strstr(at, line);
	else
		at--;
	return at && sscanf(at + 1, "%*s %ld %d", ret, err) == 2;
}

/* @exactly: with the errno that says what refused it. */
static void try_escapes(struct __test_metadata *_metadata,
			struct rescore_ct *ct, bool exactly)
{
	int segment = shmget(HOST_KEY, 4096, IPC_CREAT | 0666);
	char pid[16];
	char *argv[] = { (char *)program, (char *)"escape", pid, NULL };
	unsigned int i, seen = 0;
	int slot = make("escape"), err;
	long ret;

	snprintf(pid, sizeof(pid), "%d", getpid());
	ASSERT_EQ(0, rescore_ct_store("escape", ct));
	rescore_ct_free(ct);
	err = rescore_ct_start(rs, slot, argv);
	if (err && !exactly && strstr(rescore_strerror(), "id mapping")) {
		EXPECT_EQ(0, rescore_ct_forget("escape"));
		SKIP(return, "no id-mapped mounts of tmpfs here");
	}
	ASSERT_EQ(0, err)
	{
		TH_LOG("%s", rescore_strerror());
	}
	EXPECT_TRUE(within(60000, strstr(read_log("escape"), "\nend\n")));
	for (i = 0; i < NR_ATTEMPTS; i++) {
		if (!result_of(i, &ret, &err)) {
			TH_LOG("%s gave no result", attempts[i].name);
			continue;
		}
		seen++;
		EXPECT_EQ(-1, ret)
		{
			TH_LOG("%s got out", attempts[i].name);
		}
		if (!exactly || !attempts[i].want)
			continue;
		EXPECT_EQ(attempts[i].want, err)
		{
			TH_LOG("%s: errno %d", attempts[i].name, err);
		}
	}
	EXPECT_EQ(NR_ATTEMPTS, seen);
	EXPECT_TRUE(within(LATE_MS, rescore_nr_processes(rs, slot) == 0));
	EXPECT_EQ(0, rescore_ct_forget("escape"));
	shmctl(segment, IPC_RMID, NULL);
}

/* Every way out that root in a container may try fails as it should. */
TEST_F(contain, no_escape)
{
	try_escapes(_metadata, describe(_metadata), true);
}

/*
 * All ways that are refused to the host's root are refused to one of its own, too.
 * What it has is on a tmpfs, whose ids can be mapped.
 */
TEST_F(contain, no_escape_from_userns)
{
	struct rescore_ct *ct;
	char line[512];

	snprintf(line, sizeof(line),
		 "cd " ROOT " && mkdir -p usr/lib .%.*s && "
		 "cp -a /usr/lib64 /usr/bin usr && "
		 "cp -a /usr/lib/x86_64-linux-gnu usr/lib && cp -a %s .%s",
		 (int)(strrchr(program, '/') - program), program, program,
		 program);
	ASSERT_EQ(0, system(line));
	ASSERT_EQ(0, rescore_ct_new(&ct));
	ASSERT_EQ(0, rescore_ct_set(ct, "rootfs", ROOT));
	ASSERT_EQ(0, rescore_ct_set(ct, "bind", ROOT "/usr:/usr:ro"));
	ASSERT_EQ(0, rescore_ct_set(ct, "userns", "auto"));
	try_escapes(_metadata, ct, false);
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
