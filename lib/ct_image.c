// SPDX-License-Identifier: GPL-2.0
/* The container's init (init/init.c) as an image, and its environment. */
#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "ct.h"

__asm__(".section .rodata\n"
	".global ct_init_begin\n.hidden ct_init_begin\n"
	".global ct_init_size\n.hidden ct_init_size\n"
	"ct_init_begin: .incbin \"" CT_IMAGE "\"\n"
	"1:\n"
	".balign 8\n"
	"ct_init_size: .quad 1b - ct_init_begin\n"
	".previous\n");

extern const char ct_init_begin[];
extern const uint64_t ct_init_size;

/*
 * The mount is read-only from here on, for all: neither the container nor who looks
 * for /proc/1/exe from outside comes to a file of the host's, or can change this.
 */
int ct_place_init(int root)
{
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_RDONLY };
	size_t size = ct_init_size;
	int dir, fd, err = 0;

	dir = ct_open_in(root, CT_INIT_DIR, O_RDONLY | O_DIRECTORY);
	if (dir < 0)
		return dir;
	fd = openat(dir, CT_INIT_NAME, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
		    0555);
	if (fd < 0 || write(fd, ct_init_begin, size) != (ssize_t)size)
		err = -(errno ?: EIO);
	if (fd >= 0)
		close(fd);
	if (!err && syscall(SYS_mount_setattr, dir, "", AT_EMPTY_PATH, &attr,
			    sizeof(attr)) < 0)
		err = -errno;
	close(dir);
	return err;
}

char **ct_environment(const struct rescore_ct *ct)
{
	static const char *const defaults[] = {
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		"HOME=/root",
		"USER=root",
		"container=rescore",
	};
	const struct ct_list *own = &ct->key[CT_ENV];
	const char *term = getenv("TERM");
	char **env = calloc(own->n + ARRAY_SIZE(defaults) + 2, sizeof(*env));
	size_t n = 0, i, j, length;

	if (!env)
		return NULL;
	/* the first of a name counts: its own before ours */
	for (i = 0; i < own->n; i++) {
		length = strcspn(own->value[i], "=") + 1;
		for (j = 0; j < n; j++)
			if (!strncmp(env[j], own->value[i], length))
				break;
		env[j] = own->value[i];
		n += j == n;
	}
	for (i = 0; i < ARRAY_SIZE(defaults); i++) {
		length = strcspn(defaults[i], "=") + 1;
		for (j = 0; j < n; j++)
			if (!strncmp(env[j], defaults[i], length))
				break;
		if (j == n)
			env[n++] = (char *)defaults[i];
	}
	if (term && asprintf(&env[n], "TERM=%s", term) < 0)
		env[n] = NULL;
	return env;
}
