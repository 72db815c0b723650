/* SPDX-License-Identifier: GPL-2.0 */
/* A load in progress: shared by load.c (the order of things) and object.c. */
#ifndef RESCORE_LOAD_H
#define RESCORE_LOAD_H

#include <bpf/libbpf.h>

#include "internal.h"

#define LOAD_OBJECTS_MAX	32
#define LOAD_MODULES_MAX	4	/* of one object */

struct load {
	const char *dir;		/* where its pins go */
	bool upgrade;			/* RESCORE_PIN_DIR is there already */
	struct rescore_meta meta;
	struct rescore_resource registry[RESCORE_RESOURCES_MAX];
	struct rescore_hook hooks[RESCORE_HOOKS_MAX];
	struct rescore_knob knobs[RESCORE_KNOBS_MAX];
	struct rescore_figure figures[RESCORE_FIGURES_MAX];
	/* ids that an object of this load has taken; others are the old one's */
	uint64_t resources_taken, figures_taken;
	const char *bpf_dir;
	struct btf *btf;		/* of the kernel */
	struct btf *modules[LOAD_MODULES_MAX];	/* that the object asks for */
	unsigned int nr_modules;
	char module_missing[RESCORE_MODULE_LEN];	/* "": none */
	uint64_t symbol[RESCORE_SYMBOLS];
	int cgroup_fd;			/* of the root cgroup */
	bool lsm;			/* programs on LSM hooks run */
	bool preemptible;		/* the kernel, or we cannot tell */
	struct bpf_object *core;	/* owns the shared maps */
	struct bpf_object *objects[LOAD_OBJECTS_MAX];
	unsigned int nr_objects;
};

#define LOAD_CORE_OBJECT	"rescore"	/* .bpf.o */
#define LOAD_CORE	"core"		/* prefix of the core's programs */

/* The pin of the core's map @map; NULL: it has none. */
const char *load_core_pin(const struct bpf_map *map);

/* Open, verify and attach bpf_dir/@file; its pins go to @load->dir. */
int load_object(struct load *load, const char *file);

/* --- links.c --- */
/* What does not attach is off, and why is with it. */
int load_attach(struct load *load, struct bpf_object *object);
int load_pin_error(const char *path);	/* errno */

/* --- load.c --- */
enum load_how {
	LOAD_IF_NEW,	/* or of another version, or more controllers */
	LOAD_UPGRADE,	/* what is loaded, and opts->only */
	LOAD_WITHOUT,	/* what is loaded but opts->only */
};

int load_do(const struct rescore_load_opts *opts, enum load_how how);
/* Write the registry and what else the load found out to the maps. */
int load_write_tables(struct load *load);

/* --- hooks.c --- */
/* How the section of a program begins that is attached to a cgroup. */
#define LOAD_LSM_CGROUP	"lsm_cgroup/"

/*
 * In the name of a program that only keeps a bound: attached when its row gets the
 * first. At the end of it, the row is on without.
 */
#define LOAD_BOUND	"__bound"

/* Does @name end in @suffix, and begin before it? */
bool load_has_suffix(const char *name, const char *suffix);
/* List the object's programs; state says whether they fit this kernel. */
int load_add_hooks(struct load *load, struct bpf_object *object,
		   const char *controller);
struct rescore_hook *load_find_hook(struct load *load, const char *name);
/* The first hook of @name (a resource, a controller, or LOAD_CORE) that nothing stands in for. */
const struct rescore_hook *load_missing_hook(const struct load *load,
					     const char *name);
/* A resource that lacks a hook is off, and with it what serves no other. */
void load_settle_resources(struct load *load);

/* --- modules.c --- */
/*
 * Load the modules that @object asks for, and read their BTF. One that is not to be
 * had is no error; a hook on one of its functions is off.
 */
int load_modules(struct load *load, struct bpf_object *object);
void load_forget_modules(struct load *load);
/* Is there such a type or function in the kernel, or in those modules? */
bool load_has_type(const struct load *load, const char *name,
		   unsigned int kind);

/* --- object.c --- */
/* A section of data, before the object is loaded; NULL: it has none. */
void *load_section(struct bpf_object *object, const char *name, size_t *size);

/* The number by which programs know one of this name: rescore_program(). */
uint32_t load_program_number(const char *name);

/* --- controllers.c --- */
/* Their names with commas between them: room for all resources' controllers. */
#define RESCORE_LIST_LEN	((size_t)RESCORE_RESOURCES_MAX * RESCORE_CTL_NAME_LEN)

/* Load the objects of the controllers of @only, of all if it is NULL. */
int load_controllers(struct load *load, const char *only);
/* Those that are loaded; how many. */
unsigned int load_list_loaded(const struct rescore *rs, char *list);
/* @more (may be NULL) as well; how many are in @list then. */
unsigned int load_list_add(char *list, const char *more);
/* Not those of @less. -ENOENT, and said: one is not in @list. */
int load_list_remove(char *list, const char *less);

/* --- unload.c --- */
/* One load, upgrade or unload at a time: a file descriptor that holds a lock. */
int load_lock(void);

/* --- reuse.c --- */
/* Begin with what is loaded: its sizes, and the ids of its resources and figures. */
int load_begin_upgrade(struct load *load);
/* Take over the maps that are pinned; -EPROTO if one is laid out differently. */
int load_reuse_core(struct bpf_object *object);
int load_reuse_own(struct load *load, struct bpf_object *object,
		   const char *controller);
/* Pin the maps that only this controller has, for the next upgrade. */
int load_pin_own(struct load *load, struct bpf_object *object,
		 const char *controller);

/* Remove the maps of controllers that are gone: who pays for what is forgotten. */
int load_forget_own(const struct rescore_resource *registry);

/* --- upgrade.c --- */
#define LOAD_NEXT_DIR	RESCORE_PIN_DIR "/next"

/* All is attached in LOAD_NEXT_DIR: let it take over, and detach the old one. */
int load_switch(struct load *load);
/* What a loader that died has left: finish its switch, or remove its programs. */
int load_repair(bool *ret_repaired);
/* For tests: die here if $RESCORE_DIE_AT is @step. */
void load_step(const char *step);
/* --- symbols.c --- */
/* Find the addresses of the kernel's variables; those it does not show are 0. */
int load_find_symbols(struct load *load);

/* --- describe.c --- */
/* Enter the object's knobs and figures; its resources have been. */
int load_descriptions(struct load *load, struct bpf_object *object,
		      const char *file);

#endif /* RESCORE_LOAD_H */
