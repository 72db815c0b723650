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
	struct rescore_knob knobs[RESCORE_KNOBS_MAX];
	struct rescore_figure figures[RESCORE_FIGURES_MAX];
	const char *bpf_dir;
	struct btf *btf;		/* of the kernel */
	uint64_t symbol[RESCORE_SYMBOLS];
	int cgroup_fd;			/* of the root cgroup */
	bool lsm;			/* programs on LSM hooks run */
	bool preemptible;		/* the kernel, or we cannot tell */
	struct bpf_object *core;	/* owns the shared maps */
	struct bpf_object *objects[LOAD_OBJECTS_MAX];
	unsigned int nr_objects;
};

#define LOAD_CORE	"core"		/* prefix of the core's programs */

/* Open, verify and attach bpf_dir/@file; its pins go to STAGING_DIR. */
int load_object(struct load *load, const char *file);

/* --- hooks.c --- */
/* List the object's programs; state says whether they fit this kernel. */
int load_add_hooks(struct load *load, struct bpf_object *object,
		   const char *controller);
struct rescore_hook *load_find_hook(struct load *load, const char *name);
/* The first hook of @name (a resource, or LOAD_CORE) that nothing stands in for. */
const struct rescore_hook *load_missing_hook(const struct load *load,
					     const char *name);
/* A resource that lacks a hook is off, and all its programs with it. */
void load_settle_resource(struct load *load, struct rescore_resource *resource);

/* --- object.c --- */
/* A section of data, before the object is loaded; NULL: it has none. */
void *load_section(struct bpf_object *object, const char *name, size_t *size);

/* --- symbols.c --- */
/* Find the addresses of the kernel's variables; those it does not show are 0. */
int load_find_symbols(struct load *load);

/* --- describe.c --- */
/* Enter the object's knobs and figures; its resources have been. */
int load_descriptions(struct load *load, struct bpf_object *object,
		      const char *file);

#endif /* RESCORE_LOAD_H */
