// SPDX-License-Identifier: GPL-2.0
/* The container's init (init/init.c) as an image, and its environment. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "ct.h"

__asm__(".section .rodata\n"
	".global ct_init_begin\n.hidden ct_init_begin\n"
	".global ct_init_end\n.hidden ct_init_end\n"
	"ct_init_begin: .incbin \"" CT_IMAGE "\"\n"
	"ct_init_end:\n"
	".previous\n");

extern const char ct_init_begin[], ct_init_end[];

int ct_init_image(void)
{
	size_t size = (size_t)(ct_init_end - ct_init_begin);
	int fd = memfd_create("rescore-init", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0)
		return -errno;
	if (write(fd, ct_init_begin, size) != (ssize_t)size ||
	    fcntl(fd, F_ADD_SEALS,
		  F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) <
		    0) {
		close(fd);
		return -EIO;
	}
	return fd;
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
