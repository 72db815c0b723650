/* SPDX-License-Identifier: GPL-2.0 */
/* A load in progress: shared by load.c (the order of things) and object.c. */
#ifndef RESCORE_LOAD_H
#define RESCORE_LOAD_H

#include <bpf/libbpf.h>

#include "internal.h"

#define LOAD_OBJECTS_MAX	32

struct load {
	struct rescore_meta meta;
	struct rescore_resource registry[RESCORE_RESOURCES_MAX];
	struct rescore_hook hooks[RESCORE_HOOKS_MAX];
	const char *bpf_dir;
	struct btf *btf;		/* of the kernel */
	int cgroup_fd;			/* of the root cgroup */
	struct bpf_object *core;	/* owns the shared maps */
	struct bpf_object *objects[LOAD_OBJECTS_MAX];
	unsigned int nr_objects;
};

/* Open, verify and attach bpf_dir/@file; its pins go to STAGING_DIR. */
int load_object(struct load *load, const char *file);

#endif /* RESCORE_LOAD_H */
