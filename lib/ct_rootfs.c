// SPDX-License-Identifier: GPL-2.0
/*
 * The root file system of a container, put together in a mount namespace of our
 * own with the host's rights: what ids are mapped, devices, binds. What belongs to
 * the container's own namespaces (/proc and its like) comes in ct_inside.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "ct.h"

#ifndef AT_RECURSIVE
#define AT_RECURSIVE 0x8000
#endif

#define NO_DEVICES	(MOUNT_ATTR_NODEV | MOUNT_ATTR_NOSUID)
/* A device is written to through a read-only mount; its mode is not changed. */
#define A_DEVICE	(MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOEXEC | MOUNT_ATTR_NOSUID)

static int cannot_open(const char *path)
{
	return rescore_error(-errno, "cannot open \"%s\": %s", path,
			     strerror(errno));
}

static int new_tmpfs(const struct ct_start *s, const char *mode,
		     const char *size, uint64_t attrs)
{
	char uid[32], gid[32], room[64];
	const char *options[] = { mode, uid, gid, size ? room : NULL, NULL };

	snprintf(uid, sizeof(uid), "uid=%u", s->map.outside);
	snprintf(gid, sizeof(gid), "gid=%u", s->map.outside);
	if (size)
		snprintf(room, sizeof(room), "size=%s", size);
	return ct_new_mount("tmpfs", options, attrs);
}

/* A copy of what is at @path; ids mapped if the container's are. */
static int clone_path(const struct ct_start *s, const char *path,
		      bool recursive, uint64_t attrs)
{
	int fd = open(path, O_PATH | O_CLOEXEC), mount;

	if (fd < 0)
		return cannot_open(path);
	mount = ct_clone_mount(fd, recursive, attrs, s->userns_fd);
	close(fd);
	return mount;
}

/* --- overlay: layers get a place in our namespace, where their ids are mapped --- */

static int place(int mount, const char *path)
{
	int target, err;

	if (mount < 0)
		return mount;
	mkdir(path, 0755);
	target = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (target < 0) {
		close(mount);
		return cannot_open(path);
	}
	err = ct_attach_mount(mount, target);
	close(target);
	return err;
}

static int own_folder(const struct ct_start *s, const char *path)
{
	if (mkdir(path, 0755) < 0 && errno != EEXIST)
		return rescore_error(-errno, "cannot make %s: %s", path,
				     strerror(errno));
	/* through the mount below, which maps the ids again if it is no tmpfs */
	if (ct_is(s->ct, CT_UPPER, "tmpfs") &&
	    chown(path, s->map.outside, s->map.outside) < 0)
		return rescore_error(-errno, "cannot give %s away: %s", path,
				     strerror(errno));
	return 0;
}

static int place_upper(const struct ct_start *s, const char *at)
{
	const char *upper = ct_first(s->ct, CT_UPPER);
	char path[PATH_MAX + 32], folder[PATH_MAX + 64];
	int err;

	if (upper && !strcmp(upper, "tmpfs")) {
		err = place(new_tmpfs(s, "mode=755", NULL, NO_DEVICES), at);
		snprintf(path, sizeof(path), "%s", at);
	} else {
		if (upper)
			snprintf(path, sizeof(path), "%s", upper);
		else
			ct_path(path, sizeof(path), RESCORE_CT_STORE, s->name,
				"changes");
		err = ct_make_dirs(path);
	}
	snprintf(folder, sizeof(folder), "%s/upper", path);
	err = err ?: own_folder(s, folder);
	snprintf(folder, sizeof(folder), "%s/work", path);
	err = err ?: own_folder(s, folder);
	if (err || !strcmp(path, at))
		return err;
	return place(clone_path(s, path, false, 0), at);
}

/*
 * An overlay works in its layers as who mounted it. Where ids are mapped that has to
 * be the container's root, who can own what is made there, with the rights of ours.
 */
static int mount_overlay(const struct ct_start *s, const char *const *options)
{
	int mount, err = 0;

	ct_act_as(&s->map);
	if (s->map.count)
		err = ct_use_caps();
	mount = err ? err : ct_new_mount("overlay", options, NO_DEVICES);
	ct_act_as(NULL);
	return mount;
}

static int build_overlay(const struct ct_start *s)
{
	char base[PATH_MAX], at[PATH_MAX + 32], lower[PATH_MAX] = "lowerdir=";
	char upper[PATH_MAX + 64], work[PATH_MAX + 64], layers[PATH_MAX];
	const char *options[] = { lower, upper, work, NULL };
	char *rest = layers, *one;
	size_t used = strlen(lower);
	int n = 0, err = 0;

	ct_path(base, sizeof(base), RESCORE_CT_RUN, s->name, "layers");
	err = ct_make_dirs(base);
	err = err ?: place(new_tmpfs(s, "mode=711", NULL, NO_DEVICES), base);
	snprintf(layers, sizeof(layers), "%s", ct_first(s->ct, CT_OVERLAY));
	while (!err && (one = strsep(&rest, ":"))) {
		snprintf(at, sizeof(at), "%s/%d", base, n);
		err = place(clone_path(s, one, false, 0), at);
		used += snprintf(lower + used, sizeof(lower) - used, "%s%s",
				 n ? ":" : "", at);
		if (used >= sizeof(lower))
			err = rescore_error(-E2BIG, "too many layers");
		n++;
	}
	snprintf(at, sizeof(at), "%s/changes", base);
	err = err ?: place_upper(s, at);
	if (err)
		return err;
	snprintf(upper, sizeof(upper), "upperdir=%s/upper", at);
	snprintf(work, sizeof(work), "workdir=%s/work", at);
	err = place(mount_overlay(s, options), s->root);
	/* the overlay keeps its layers; nobody else needs to see them */
	umount2(base, MNT_DETACH);
	return err;
}

/* --- /dev --------------------------------------------------------------------------- */

static int bind_device(int root, const char *name)
{
	char path[64];
	int fd, mount;

	snprintf(path, sizeof(path), "/dev/%s", name);
	fd = open(path, O_PATH | O_CLOEXEC);
	if (fd < 0)
		return cannot_open(path);
	mount = ct_clone_mount(fd, false, A_DEVICE, -1);
	close(fd);
	return ct_attach_in(mount, root, path, true);
}

static int link_in(int dev, const char *to, const char *name)
{
	return symlinkat(to, dev, name) < 0 && errno != EEXIST ? -errno : 0;
}

static int build_dev(const struct ct_start *s, int root)
{
	static const char *const devices[] = { "null",   "zero",    "full",
					       "random", "urandom", "tty" };
	int dev, err;
	size_t i;

	err = ct_attach_in(new_tmpfs(s, "mode=755", "64k",
				     MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC),
			   root, "/dev", false);
	for (i = 0; !err && i < ARRAY_SIZE(devices); i++)
		err = bind_device(root, devices[i]);
	if (err)
		return err;
	dev = ct_open_in(root, "/dev", O_RDONLY | O_DIRECTORY);
	if (dev < 0)
		return rescore_error(dev, "cannot open its /dev");
	err = link_in(dev, "/proc/self/fd", "fd");
	err = err ?: link_in(dev, "fd/0", "stdin");
	err = err ?: link_in(dev, "fd/1", "stdout");
	err = err ?: link_in(dev, "fd/2", "stderr");
	err = err ?: link_in(dev, "pts/ptmx", "ptmx");
	close(dev);
	err = err   ?:
		      ct_attach_in(new_tmpfs(s, "mode=1777", "64m",
					     NO_DEVICES | MOUNT_ATTR_NOEXEC),
				   root, "/dev/shm", false);
	err = err   ?:
		      ct_attach_in(new_tmpfs(s, "mode=755", "64k", NO_DEVICES),
				   root, CT_INIT_DIR, false);
	return err ?: ct_place_init(root);
}

/* --- binds and tmpfs ---------------------------------------------------------------- */

static int build_bind(const struct ct_start *s, int root, const char *text)
{
	struct ct_bind bind;
	struct stat st;
	int err, target;

	err = ct_parse_bind(text, &bind);
	if (err)
		return err;
	if (stat(bind.from, &st) < 0)
		return cannot_open(bind.from);
	err = ct_attach_in(clone_path(s, bind.from, true,
				      NO_DEVICES | (bind.read_only ?
							    MOUNT_ATTR_RDONLY :
							    0)),
			   root, bind.to, !S_ISDIR(st.st_mode));
	if (err || bind.slave)
		return err;
	target = ct_open_in(root, bind.to, O_PATH);
	if (target < 0)
		return target;
	if (syscall(SYS_mount_setattr, target, "", AT_EMPTY_PATH | AT_RECURSIVE,
		    &(struct mount_attr){ .propagation = MS_PRIVATE },
		    sizeof(struct mount_attr)) < 0)
		err = rescore_error(-errno, "cannot make \"%s\" private: %s",
				    bind.to, strerror(errno));
	close(target);
	return err;
}

static int build_tmpfs(const struct ct_start *s, int root, const char *text)
{
	char path[PATH_MAX], *size, bytes[32];
	int64_t n = 0;

	snprintf(path, sizeof(path), "%s", text);
	size = strchr(path, ':');
	if (size) {
		*size++ = '\0';
		if (rescore_parse_amount(size, RESCORE_BYTES, &n))
			return -EINVAL;
		snprintf(bytes, sizeof(bytes), "%lld", (long long)n);
	}
	return ct_attach_in(new_tmpfs(s, "mode=1777", size ? bytes : NULL,
				      NO_DEVICES),
			    root, path, false);
}

static int build_folders(int root)
{
	static const char *const folders[] = { "/proc", "/sys", "/dev",
					       "/tmp" };
	size_t i;
	int fd;

	for (i = 0; i < ARRAY_SIZE(folders); i++) {
		fd = ct_make_in(root, folders[i], false);
		if (fd < 0)
			return rescore_error(fd,
					     "cannot make %s in its root: %s",
					     folders[i], strerror(-fd));
		close(fd);
	}
	return 0;
}

static int fill_root(const struct ct_start *s, int root)
{
	const struct ct_list *binds = &s->ct->key[CT_BIND];
	const struct ct_list *tmpfs = &s->ct->key[CT_TMPFS];
	size_t i;
	int err;

	ct_act_as(&s->map);
	err = build_folders(root);
	err = err ?: build_dev(s, root);
	for (i = 0; !err && i < tmpfs->n; i++)
		err = build_tmpfs(s, root, tmpfs->value[i]);
	for (i = 0; !err && i < binds->n; i++)
		err = build_bind(s, root, binds->value[i]);
	ct_act_as(NULL);
	return err;
}

int ct_build_root(const struct ct_start *s)
{
	const char *rootfs = ct_first(s->ct, CT_ROOTFS);
	int root, err;

	/* what the host mounts may still reach a slave; nothing goes back */
	if (mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0)
		return rescore_error(-errno,
				     "cannot leave the host's mounts: %s",
				     strerror(errno));
	err = ct_make_dirs(s->root);
	if (err)
		return err;
	if (rootfs)
		err = place(clone_path(s, rootfs, false, NO_DEVICES), s->root);
	else
		err = build_overlay(s);
	if (err)
		return err;
	root = open(s->root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return cannot_open(s->root);
	err = fill_root(s, root);
	close(root);
	return err;
}
