// SPDX-License-Identifier: GPL-2.0
/* Mounts by descriptor: complete, with all attributes, before anybody sees them. */
#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "ct.h"

#ifndef AT_RECURSIVE
#define AT_RECURSIVE 0x8000
#endif

/* No headers of glibc 2.36 have these beside linux/mount.h. */
static int fsopen_(const char *type)
{
	return syscall(SYS_fsopen, type, FSOPEN_CLOEXEC);
}

static int set_option(int fs, const char *option)
{
	const char *equals = strchr(option, '=');
	char key[64];

	if (!equals)
		return syscall(SYS_fsconfig, fs, FSCONFIG_SET_FLAG, option,
			       NULL, 0);
	snprintf(key, sizeof(key), "%.*s", (int)(equals - option), option);
	return syscall(SYS_fsconfig, fs, FSCONFIG_SET_STRING, key, equals + 1,
		       0);
}

/* What the file system itself says about a failure: "e overlay: ...". */
static int new_mount_failed(int fs, const char *type, int err)
{
	char text[256];
	ssize_t n = fs < 0 ? -1 : read(fs, text, sizeof(text) - 1);

	if (n <= 2)
		return rescore_error(err, "cannot make a %s: %s", type,
				     strerror(-err));
	text[n] = '\0';
	text[strcspn(text, "\n")] = '\0';
	return rescore_error(err, "cannot make a %s: %s (%s)", type,
			     strerror(-err), text + 2);
}

int ct_new_mount(const char *type, const char *const *options, uint64_t attrs)
{
	int fs = fsopen_(type), mount = -1, err;

	if (fs < 0)
		return new_mount_failed(-1, type, -errno);
	for (; options && *options; options++)
		if (set_option(fs, *options) < 0)
			goto fail;
	if (syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		goto fail;
	mount = syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC, attrs);
	if (mount < 0)
		goto fail;
	close(fs);
	return mount;
fail:
	err = new_mount_failed(fs, type, -errno);
	close(fs);
	return err;
}

int ct_clone_mount(int fd, bool recursive, uint64_t attrs, int userns)
{
	struct mount_attr attr = { .attr_set = attrs };
	unsigned int flags = AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0);
	int mount, err;

	mount = syscall(SYS_open_tree, fd, "",
			flags | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	if (mount < 0)
		return rescore_error(-errno, "cannot copy a mount: %s",
				     strerror(errno));
	if (userns >= 0) {
		attr.attr_set |= MOUNT_ATTR_IDMAP;
		attr.userns_fd = userns;
	}
	if (attr.attr_set && syscall(SYS_mount_setattr, mount, "", flags, &attr,
				     sizeof(attr)) < 0) {
		err = rescore_error(
			-errno, "cannot set the attributes of a mount%s: %s",
			userns >= 0 ? " (a file system without id mapping?)" :
				      "",
			strerror(errno));
		close(mount);
		return err;
	}
	return mount;
}

int ct_attach_mount(int mount, int target)
{
	int err = 0;

	if (syscall(SYS_move_mount, mount, "", target, "",
		    MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
		err = rescore_error(-errno, "cannot attach a mount: %s",
				    strerror(errno));
	close(mount);
	return err;
}

int ct_attach_in(int mount, int root, const char *path, bool file)
{
	int target, err;

	if (mount < 0)
		return mount;
	target = ct_make_in(root, path, file);
	if (target < 0) {
		close(mount);
		return rescore_error(target,
				     "cannot make the mount point %s: %s", path,
				     strerror(-target));
	}
	err = ct_attach_mount(mount, target);
	close(target);
	if (err)
		rescore_error(err, "cannot mount on %s: %s", path,
			      strerror(-err));
	return err;
}
