// SPDX-License-Identifier: GPL-2.0
/*
 * In the first process of a container: what only its own namespaces can give, then
 * its root becomes /, and the way back is closed.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/mount.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "ct.h"

#define PLAIN	(MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC)
#define LXCFS	"/var/lib/lxcfs/proc/"

static int attach_type(int root, const char *type, const char *const *options,
		       const char *path, uint64_t attrs)
{
	return ct_attach_in(ct_new_mount(type, options, attrs), root, path,
			    false);
}

/* Cover @path with a read-only copy of itself, or of @with. */
static int cover(int root, const char *path, const char *with, uint64_t attrs)
{
	int target = ct_open_in(root, path, O_PATH), source, mount, err;

	if (target < 0)
		return target == -ENOENT ? 0 : target;
	source = ct_open_in(root, with ?: path, O_PATH);
	mount = source < 0 ? source : ct_clone_mount(source, false, attrs, -1);
	if (source >= 0)
		close(source);
	err = mount < 0 ? mount : ct_attach_mount(mount, target);
	close(target);
	return err;
}

static int cover_folder(int root, const char *path)
{
	int target = ct_open_in(root, path, O_PATH | O_DIRECTORY);

	if (target < 0)
		return target == -ENOENT || target == -ENOTDIR ? 0 : target;
	close(target);
	return attach_type(root, "tmpfs",
			   (const char *const[]){ "size=0", "mode=555", NULL },
			   path, PLAIN | MOUNT_ATTR_RDONLY);
}

static int mask_proc(int root)
{
	static const char *const files[] = {
		"/proc/kcore",	     "/proc/keys",
		"/proc/key-users",   "/proc/latency_stats",
		"/proc/timer_list",  "/proc/sched_debug",
		"/proc/kallsyms",    "/proc/modules",
		"/proc/kpagecount",  "/proc/kpageflags",
		"/proc/kpagecgroup", "/proc/slabinfo",
		"/proc/vmallocinfo",  "/proc/pagetypeinfo",
	};
	static const char *const folders[] = { "/proc/acpi", "/proc/scsi",
					       "/proc/asound", "/proc/driver" };
	static const char *const read_only[] = { "/proc/sys", "/proc/irq",
						 "/proc/bus", "/proc/fs",
						 "/proc/sysrq-trigger" };
	size_t i;
	int err = 0;

	for (i = 0; !err && i < ARRAY_SIZE(files); i++)
		err = cover(root, files[i], "/dev/null",
			    PLAIN | MOUNT_ATTR_RDONLY);
	for (i = 0; !err && i < ARRAY_SIZE(folders); i++)
		err = cover_folder(root, folders[i]);
	for (i = 0; !err && i < ARRAY_SIZE(read_only); i++)
		err = cover(root, read_only[i], NULL,
			    PLAIN | MOUNT_ATTR_RDONLY);
	return err;
}

/* A folder that lxcfs left, or a file in it, shows nothing of a container. */
static bool lxcfs_runs(void)
{
	struct statfs fs;

	return statfs(LXCFS "meminfo", &fs) == 0 &&
	       fs.f_type == FUSE_SUPER_MAGIC;
}

/* meminfo and its like as lxcfs shows them to this container. */
static int show_lxcfs(int root)
{
	static const char *const files[] = { "meminfo", "cpuinfo", "uptime",
					     "stat",	"loadavg", "swaps",
					     "diskstats" };
	char from[64], to[64];
	size_t i;
	int fd, err = 0;

	if (!lxcfs_runs())
		return rescore_error(
			-ENOENT,
			"proc \"lxcfs\": lxcfs does not run here: nothing of it is at " LXCFS
			"meminfo");
	for (i = 0; !err && i < ARRAY_SIZE(files); i++) {
		snprintf(from, sizeof(from), LXCFS "%s", files[i]);
		snprintf(to, sizeof(to), "/proc/%s", files[i]);
		fd = open(from, O_PATH | O_CLOEXEC);
		if (fd < 0)
			continue;	/* an older lxcfs */
		err = ct_attach_in(ct_clone_mount(fd, false,
						  PLAIN | MOUNT_ATTR_RDONLY,
						  -1),
				   root, to, true);
		close(fd);
	}
	return err;
}

static int mount_proc(const struct ct_start *s, int root)
{
	static const char *const minimal[] = { "subset=pid", NULL };
	int err;

	if (ct_is(s->ct, CT_PROC, "minimal"))
		return attach_type(root, "proc", minimal, "/proc", PLAIN);
	err = attach_type(root, "proc", NULL, "/proc", PLAIN);
	err = err ?: mask_proc(root);
	if (!err && ct_is(s->ct, CT_PROC, "lxcfs"))
		err = show_lxcfs(root);
	return err;
}

/* Whose network is the host's sees only the names in /sys that all may see. */
static int mount_sys(const struct ct_start *s, int root)
{
	int fd, err;

	if (s->shared & CLONE_NEWNET) {
		fd = open("/sys", O_PATH | O_CLOEXEC);
		if (fd < 0)
			return rescore_error(-errno, "cannot open /sys");
		err = ct_attach_in(ct_clone_mount(fd, false,
						  PLAIN | MOUNT_ATTR_RDONLY,
						  -1),
				   root, "/sys", false);
		close(fd);
	} else {
		err = attach_type(root, "sysfs", NULL, "/sys",
				  PLAIN | MOUNT_ATTR_RDONLY);
	}
	err = err ?: cover_folder(root, "/sys/firmware");
	err = err ?: cover_folder(root, "/sys/kernel");
	err = err ?: cover_folder(root, "/sys/fs/bpf");
	if (err || s->shared & CLONE_NEWCGROUP)
		return err;
	return attach_type(root, "cgroup2", NULL, "/sys/fs/cgroup",
			   PLAIN | MOUNT_ATTR_RDONLY);
}

static int mount_own(const struct ct_start *s, int root)
{
	static const char *const pts[] = { "ptmxmode=666", "mode=620", NULL };
	int err;

	err = mount_proc(s, root);
	err = err ?: mount_sys(s, root);
	err = err   ?:
		      attach_type(root, "devpts", pts, "/dev/pts",
				  MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC);
	if (!err && !(s->shared & CLONE_NEWIPC))
		err = attach_type(root, "mqueue", NULL, "/dev/mqueue", PLAIN);
	return err;
}

static int become_root(int root)
{
	if (fchdir(root) < 0 || syscall(SYS_pivot_root, ".", ".") < 0 ||
	    umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
		return rescore_error(-errno,
				     "cannot make its root the root: %s",
				     strerror(errno));
	return 0;
}

int ct_move_in(const struct ct_start *s)
{
	const char *host = ct_first(s->ct, CT_HOSTNAME) ?: s->name;
	int staging, root, err;

	if (!(s->shared & CLONE_NEWCGROUP) && unshare(CLONE_NEWCGROUP) < 0)
		return rescore_error(-errno,
				     "cannot make a cgroup namespace: %s",
				     strerror(errno));
	if (!(s->shared & CLONE_NEWUTS) && sethostname(host, strlen(host)) < 0)
		return rescore_error(-errno,
				     "cannot set the hostname \"%s\": %s", host,
				     strerror(errno));
	if (!(s->shared & CLONE_NEWNET)) {
		err = ct_configure_net(&s->net);
		if (err)
			return err;
	}
	/*
	 * A copy of it all on top of itself: mounts that came from another user
	 * namespace are locked in their place, and could not become /.
	 */
	staging = open(s->root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (staging < 0)
		return rescore_error(-errno, "cannot open %s", s->root);
	root = ct_clone_mount(staging, true, 0, -1);
	if (root < 0)
		return root;
	err = ct_attach_mount(dup(root), staging);
	close(staging);
	err = err ?: mount_own(s, root);
	err = err ?: become_root(root);
	close(root);
	return err;
}

int ct_confine(uint64_t caps)
{
	int err;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return rescore_error(-errno, "cannot set no_new_privs");
	err = ct_limit_caps(caps);
	if (err)
		return rescore_error(err, "cannot give up capabilities: %s",
				     strerror(-err));
	err = ct_limit_calls();
	if (err)
		return rescore_error(err, "cannot give up system calls: %s",
				     strerror(-err));
	return 0;
}
