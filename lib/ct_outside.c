// SPDX-License-Identifier: GPL-2.0
/*
 * What a container has mounted and CRIU cannot make anew: files and folders of the
 * host, devices, covers. A restore puts the root file system together as a start
 * does and gives CRIU a place of its own for each of them.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <sched.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "ct_criu.h"

#define LXCFS	"/var/lib/lxcfs"

struct mounted {
	char root[PATH_MAX];	/* in its file system */
	char at[PATH_MAX];
	char type[64];
};

/* "\040" and its like. */
static void unescape(char *text)
{
	unsigned int code;
	char *to = text;

	while (*text) {
		if (*text == '\\' && sscanf(text + 1, "%3o", &code) == 1) {
			*to++ = (char)code;
			text += 4;
		} else {
			*to++ = *text++;
		}
	}
	*to = '\0';
}

static bool parse_mount(char *line, struct mounted *ret)
{
	char *type = strstr(line, " - ");

	if (!type || sscanf(type + 3, "%63s", ret->type) != 1 ||
	    sscanf(line, "%*d %*d %*s %4095s %4095s", ret->root, ret->at) != 2)
		return false;
	unescape(ret->root);
	unescape(ret->at);
	return true;
}

static bool below(const char *path, const char *folder)
{
	size_t length = strlen(folder);

	return !strncmp(path, folder, length) && path[length] == '/';
}

/* File systems that are the container's alone, with all that is in them. */
static bool is_own(const struct ct_start *s, const struct mounted *m)
{
	static const char *const own[] = { "proc", "devpts", "mqueue",
					   "cgroup2" };
	const struct ct_list *tmpfs = &s->ct->key[CT_TMPFS];
	size_t i, length;

	for (i = 0; i < ARRAY_SIZE(own); i++)
		if (!strcmp(m->type, own[i]))
			return true;
	if (!strcmp(m->type, "sysfs"))
		return !(s->shared & CLONE_NEWNET);
	if (strcmp(m->type, "tmpfs") || strcmp(m->root, "/"))
		return false;
	if (!strcmp(m->at, "/dev") || !strcmp(m->at, "/dev/shm"))
		return true;
	for (i = 0; i < tmpfs->n; i++) {
		length = strcspn(tmpfs->value[i], ":");
		if (strlen(m->at) == length &&
		    !strncmp(m->at, tmpfs->value[i], length))
			return true;
	}
	return false;
}

static json_t *source(const struct mounted *m)
{
	bool in_kernel = below(m->at, "/proc") || below(m->at, "/sys");

	if (!strcmp(m->at, "/sys"))
		return json_string("host:/sys");
	if (in_kernel && !strcmp(m->type, "devtmpfs"))
		return json_string("root:/dev/null");
	if (in_kernel && !strcmp(m->type, "tmpfs"))
		return json_string("empty");
	if (in_kernel && !strncmp(m->type, "fuse", 4))
		return json_sprintf("host:" LXCFS "%s", m->at);
	return json_sprintf("root:%s", m->at);
}

int ct_outside_mounts(const struct ct_start *s, pid_t pid, json_t **ret)
{
	char path[64], line[3 * PATH_MAX];
	json_t *list = json_array();
	struct mounted m;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/mountinfo", pid);
	if (!list)
		return rescore_error(-ENOMEM, "out of memory");
	file = fopen(path, "re");
	if (!file) {
		json_decref(list);
		return rescore_error(-errno, "cannot read %s: %s", path,
				     strerror(errno));
	}
	while (fgets(line, sizeof(line), file)) {
		if (!parse_mount(line, &m) || !strcmp(m.at, "/") ||
		    is_own(s, &m))
			continue;
		json_array_append_new(list, json_pack("{s:s, s:o}", "at", m.at,
						      "from", source(&m)));
	}
	fclose(file);
	*ret = list;
	return 0;
}

/* --- the builder ------------------------------------------------------------------------ */

/* CRIU will look for mount points by name: no link may stand in the way. */
static int check_plain(int root, const char *path)
{
	struct open_how how = {
		.flags = O_PATH | O_CLOEXEC,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS,
	};
	int fd = syscall(SYS_openat2, root, path, &how, sizeof(how));

	/* what belongs to /proc and the like is not there yet */
	if (fd < 0 && errno != ENOENT)
		return rescore_error(
			-errno,
			"\"%s\" in its root file system is no longer what it was: %s",
			path, strerror(errno));
	if (fd >= 0)
		close(fd);
	return 0;
}

static int open_source(int root, const char *from, int *ret)
{
	int fd = -ENOENT;

	if (!strncmp(from, "root:", 5)) {
		fd = ct_open_in(root, from + 5, O_PATH);
	} else if (!strncmp(from, "host:", 5)) {
		fd = open(from + 5, O_PATH | O_CLOEXEC);
		fd = fd < 0 ? -errno : fd;
	}
	if (fd < 0) {
		rescore_error(fd, "what was mounted is not there: %s: %s", from,
			      strerror(-fd));
		return fd;
	}
	*ret = fd;
	return 0;
}

/* Make @place a copy of the mount of @fd. */
static int place(int fd, const char *place)
{
	struct stat st;
	int target, mount, err;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (S_ISDIR(st.st_mode)) {
		err = mkdir(place, 0755);
	} else {
		target = open(place, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
			      0600);
		err = target < 0 ? -1 : close(target);
	}
	target = err ? -1 : open(place, O_PATH | O_CLOEXEC);
	if (target < 0)
		return rescore_error(-errno, "cannot make %s: %s", place,
				     strerror(errno));
	mount = ct_clone_mount(fd, false, 0, -1);
	err = mount < 0 ? mount : ct_attach_mount(mount, target);
	close(target);
	return err;
}

static int new_empty(int *ret)
{
	static const char *const options[] = { "size=0", "mode=555", NULL };
	int fd = ct_new_mount("tmpfs", options,
			      MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID |
				      MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);

	if (fd < 0)
		return fd;
	*ret = fd;
	return 0;
}

static int one_place(const char *base, int root, unsigned int i,
		     const json_t *mount, struct ct_words *words)
{
	const char *at = json_string_value(json_object_get(mount, "at"));
	const char *from = json_string_value(json_object_get(mount, "from"));
	char path[PATH_MAX];
	int fd = -1, target, err;

	if (!at || !from || *at != '/')
		return rescore_error(-EINVAL, "mount %u has no place", i);
	err = check_plain(root, at);
	if (err)
		return err;
	snprintf(path, sizeof(path), "%s/%u", base, i);
	if (!strcmp(from, "empty")) {
		err = new_empty(&fd);
		if (!err && mkdir(path, 0755) < 0)
			err = -errno;
		target = open(path, O_PATH | O_CLOEXEC);
		err = err ?: ct_attach_mount(fd, target);
		close(target);
	} else {
		err = open_source(root, from, &fd);
		err = err ?: place(fd, path);
		if (fd >= 0)
			close(fd);
	}
	ct_word(words, "--external");
	ct_word(words, "mnt[%s]:%s", at, path);
	return err ?: words->err;
}

int ct_outside_places(const struct ct_start *s, const char *base,
		      const json_t *mounts, struct ct_words *words)
{
	int root = open(s->root, O_PATH | O_DIRECTORY | O_CLOEXEC), err = 0;
	size_t i;

	if (root < 0)
		return rescore_error(-errno, "cannot open %s: %s", s->root,
				     strerror(errno));
	for (i = 0; !err && i < json_array_size(mounts); i++)
		err = one_place(base, root, (unsigned int)i,
				json_array_get(mounts, i), words);
	close(root);
	return err;
}
