// SPDX-License-Identifier: GPL-2.0
/* Which programs of an object fit this kernel, and which resources those serve. */
#include <bpf/btf.h>
#include <errno.h>
#include <string.h>

#include "load.h"

#define LSM	"lsm/"		/* section of programs that are never skipped */
#define SPARE	"__else"	/* variants that are used if no other fits */
#define TWICE	"__twice"	/* second copies of others, RESCORE_TWICE */
#define IRQ	"__irq"		/* the same, of what interrupts run as well */
#define TASK	"__task"	/* cheaper than lsm, but may be skipped */
#define NOLSM	"__nolsm"	/* what lsm programs do and others cannot */

/* Kernels that have it (6.2, and 6.1 of Debian) skip no program on an LSM hook. */
#define LSM_UNSKIPPED	"bpf_trampoline_enter"

static bool is_lsm(const char *section)
{
	return !strncmp(section, LSM, strlen(LSM)) ||
	       !strncmp(section, LOAD_LSM_CGROUP, strlen(LOAD_LSM_CGROUP));
}

/* "fmod_ret/security_file_alloc" -> what must be in the kernel's or a module's BTF. */
static bool target_exists(const struct load *load, const char *section,
			  char *why, size_t size)
{
	static const struct {
		const char *prefix;
		const char *format;
		unsigned int kind;
	} kinds[] = {
		{ "fmod_ret/", "%s", BTF_KIND_FUNC },
		{ "fentry/", "%s", BTF_KIND_FUNC },
		{ "fexit/", "%s", BTF_KIND_FUNC },
		{ "kprobe/", "%s", BTF_KIND_FUNC },
		{ "tp_btf/", "btf_trace_%s", BTF_KIND_TYPEDEF },
		{ "iter/", "bpf_iter_%s", BTF_KIND_FUNC },
		{ "iter.s/", "bpf_iter_%s", BTF_KIND_FUNC },
		{ "lsm/", "bpf_lsm_%s", BTF_KIND_FUNC },
		{ "lsm_cgroup/", "bpf_lsm_%s", BTF_KIND_FUNC },
	};
	char name[128];
	size_t i;

	if (is_lsm(section) && !load->lsm) {
		snprintf(why, size,
			 "bpf is not among this kernel's LSMs (lsm=)");
		return false;
	}

	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		if (strncmp(section, kinds[i].prefix, strlen(kinds[i].prefix)))
			continue;
		section += strlen(kinds[i].prefix);
		snprintf(name, sizeof(name), kinds[i].format, section);
		if (load_has_type(load, name, kinds[i].kind))
			return true;
		if (load->module_missing[0])
			snprintf(why, size,
				 "module %s is not loaded; `rlimitctl upgrade` once it is",
				 load->module_missing);
		else
			snprintf(why, size, "this kernel has no %s %s",
				 kinds[i].kind == BTF_KIND_TYPEDEF ?
					 "tracepoint" :
					 "function",
				 section);
		return false;
	}
	return true;
}

/* A program "…__with_FUNCTION" calls this function of the kernel. */
static bool callee_exists(const struct load *load, const char *program,
			  char *why, size_t size)
{
	const char *with = strstr(program, "__with_");
	const char *end;
	char name[64];

	if (!with)
		return true;
	with += strlen("__with_");
	end = strstr(with, "__");
	snprintf(name, sizeof(name), "%.*s",
		 end ? (int)(end - with) : (int)strlen(with), with);
	if (btf__find_by_name_kind(load->btf, name, BTF_KIND_FUNC) > 0)
		return true;
	snprintf(why, size, "this kernel has no function %s", name);
	return false;
}

struct rescore_hook *load_find_hook(struct load *load, const char *name)
{
	unsigned int i;

	for (i = 0; i < load->meta.nr_hooks; i++)
		if (!strcmp(load->hooks[i].name, name))
			return &load->hooks[i];
	return NULL;
}

/* "numflock__flock_end__x64" -> "numflock__flock_end" */
static size_t group_length(const char *name)
{
	const char *what = strstr(name, "__");
	const char *variant = what ? strstr(what + 2, "__") : NULL;

	return variant ? (size_t)(variant - name) : strlen(name);
}

/* Do two programs stand for each other? */
static bool same_group(const char *a, const char *b)
{
	size_t length = group_length(a);

	return group_length(b) == length && !strncmp(a, b, length);
}

bool load_has_suffix(const char *name, const char *suffix)
{
	size_t length = strlen(name), end = strlen(suffix);

	return length > end && !strcmp(name + length - end, suffix);
}

/* Of a hook that tasks run: it can be skipped only where tasks are preempted. */
static bool is_task_variant(const struct load *load,
			    const struct rescore_hook *hook)
{
	return !load->preemptible && load_has_suffix(hook->name, TASK);
}

static bool is_lsm_variant(const struct load *load,
			   const struct rescore_hook *hook)
{
	(void)load;
	return !strncmp(hook->target, LSM, strlen(LSM));
}

/* A variant that fits and is @better takes the place of the others. */
static void prefer(struct load *load, unsigned int first,
		   bool (*better)(const struct load *,
				  const struct rescore_hook *),
		   const char *why)
{
	struct rescore_hook *hook, *other;
	unsigned int i, j;

	for (i = first; i < load->meta.nr_hooks; i++) {
		hook = &load->hooks[i];
		if (hook->state != RESCORE_ON || !better(load, hook))
			continue;
		for (j = first; j < load->meta.nr_hooks; j++) {
			other = &load->hooks[j];
			if (j == i || !same_group(hook->name, other->name))
				continue;
			other->state = RESCORE_OFF;
			snprintf(other->why, sizeof(other->why), "%s", why);
		}
	}
}

/*
 * A variant for want of a better one, or of one that is never skipped: it puts
 * right what another has missed.
 */
static void drop_spare(struct load *load, unsigned int first)
{
	char name[sizeof(load->hooks[0].name)];
	struct rescore_hook *hook, *other;
	unsigned int i, j;

	for (i = first; i < load->meta.nr_hooks; i++) {
		hook = &load->hooks[i];
		if (hook->state != RESCORE_ON ||
		    !load_has_suffix(hook->name, SPARE))
			continue;
		/* what user space runs, it can run again */
		if (load->preemptible && strncmp(hook->target, "iter/", 5))
			continue;
		for (j = first; j < load->meta.nr_hooks; j++) {
			other = &load->hooks[j];
			if (j == i || other->state != RESCORE_ON ||
			    !same_group(hook->name, other->name))
				continue;
			hook->state = RESCORE_OFF;
			/* gcc takes two hooks of one array for overlapping */
			memcpy(name, other->name, sizeof(name));
			snprintf(hook->why, sizeof(hook->why), "%s is used",
				 name);
			break;
		}
	}
}

static bool is_optional(const char *name)
{
	return load_has_suffix(name, "__opt") ||
	       load_has_suffix(name, LOAD_BOUND) ||
	       load_has_suffix(name, TWICE) || load_has_suffix(name, IRQ) ||
	       load_has_suffix(name, NOLSM);
}

/* A second copy of what cannot be skipped; a second part of what is whole. */
static void leave_out_copy(const struct load *load, struct rescore_hook *hook)
{
	const char *why = NULL;

	if (load_has_suffix(hook->name, TWICE) && !load->preemptible)
		why = "not needed: this kernel is not preemptible";
	else if (load_has_suffix(hook->name, IRQ) && load->lsm &&
		 btf__find_by_name_kind(load->btf, LSM_UNSKIPPED,
					BTF_KIND_FUNC) > 0)
		why = "not needed: an lsm program is never skipped";
	else if (load_has_suffix(hook->name, NOLSM) && load->lsm)
		why = "not needed: an lsm program does it";
	if (!why)
		return;
	hook->state = RESCORE_OFF;
	snprintf(hook->why, sizeof(hook->why), "%s", why);
}

int load_add_hooks(struct load *load, struct bpf_object *object,
		   const char *controller)
{
	unsigned int first = load->meta.nr_hooks;
	struct bpf_program *prog;
	struct rescore_hook *hook;

	bpf_object__for_each_program(prog, object) {
		if (load->meta.nr_hooks == RESCORE_HOOKS_MAX)
			return rescore_error(
				-E2BIG,
				"the controllers have more than %d programs",
				RESCORE_HOOKS_MAX);
		hook = &load->hooks[load->meta.nr_hooks++];
		snprintf(hook->name, sizeof(hook->name), "%s",
			 bpf_program__name(prog));
		snprintf(hook->target, sizeof(hook->target), "%s",
			 bpf_program__section_name(prog));
		snprintf(hook->controller, sizeof(hook->controller), "%s",
			 controller);
		hook->state = target_exists(load,
					    bpf_program__section_name(prog),
					    hook->why, sizeof(hook->why)) &&
			      callee_exists(load, bpf_program__name(prog),
					    hook->why, sizeof(hook->why));
		if (hook->state == RESCORE_ON)
			leave_out_copy(load, hook);
	}
	prefer(load, first, is_task_variant,
	       "not needed: this kernel is not preemptible");
	prefer(load, first, is_lsm_variant, "its lsm variant is used");
	drop_spare(load, first);
	return 0;
}

bool rescore_serves(const struct rescore_hook *hook, const char *name)
{
	size_t length = strlen(name), word;
	const char *at = hook->name;

	for (;;) {
		word = strcspn(at, "_");
		if (word == length && !strncmp(at, name, length))
			return true;
		/* to the next word, unless "__" ends them */
		if (at[word] != '_' || at[word + 1] == '_')
			return false;
		at += word + 1;
	}
}

bool rescore_hook_serves(const struct rescore_hook *hook,
			 const struct rescore_resource *resource)
{
	return rescore_serves(hook, resource->name) ||
	       (rescore_serves(hook, resource->controller) &&
		!strcmp(hook->controller, resource->controller));
}

/* The first hook of @name that no variant stands in for. */
const struct rescore_hook *load_missing_hook(const struct load *load,
					     const char *name)
{
	const struct rescore_hook *hook, *other;
	unsigned int i, j;

	for (i = 0; i < load->meta.nr_hooks; i++) {
		hook = &load->hooks[i];
		if (!rescore_serves(hook, name) || hook->state == RESCORE_ON ||
		    is_optional(hook->name))
			continue;
		for (j = 0; j < load->meta.nr_hooks; j++) {
			other = &load->hooks[j];
			if (other->state == RESCORE_ON &&
			    same_group(other->name, hook->name))
				break;
		}
		if (j == load->meta.nr_hooks)
			return hook;
	}
	return NULL;
}

static bool is_for_none(const struct load *load,
			const struct rescore_hook *hook, const char **ret_name)
{
	const struct rescore_resource *resource = load->registry;
	unsigned int i;

	*ret_name = NULL;
	for (i = 0; i < load->meta.nr_resources; i++, resource++) {
		if (!rescore_hook_serves(hook, resource))
			continue;
		if (resource->state == RESCORE_ON)
			return false;
		*ret_name = resource->name;
	}
	return *ret_name;
}

/* A resource that lacks a hook is off, and with it what serves no other. */
void load_settle_resources(struct load *load)
{
	struct rescore_resource *resource = load->registry;
	const struct rescore_hook *missing;
	struct rescore_hook *hook;
	const char *name;
	unsigned int i;

	for (i = 0; i < load->meta.nr_resources; i++, resource++) {
		if (resource->state != RESCORE_ON)
			continue;
		missing = load_missing_hook(load, resource->name);
		missing = missing ?:
				    load_missing_hook(load, resource->controller);
		if (!missing)
			continue;
		resource->state = RESCORE_OFF;
		snprintf(resource->why, sizeof(resource->why), "%s",
			 missing->why);
	}
	for (i = 0; i < load->meta.nr_hooks; i++) {
		hook = &load->hooks[i];
		if (hook->state != RESCORE_ON ||
		    !is_for_none(load, hook, &name))
			continue;
		hook->state = RESCORE_OFF;
		snprintf(hook->why, sizeof(hook->why), "%.*s is off",
			 RESCORE_RES_NAME_LEN, name);
	}
}
