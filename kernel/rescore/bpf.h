/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What every program needs: kernel types, helpers, the maps it shares with the
 * others, and what the loader tells it. A controller includes rescore.h, which
 * includes this.
 *
 * With RESCORE_NATIVE the counting headers compile for user space instead, over
 * tests/native/native.h in place of the helpers.
 */
#ifndef RESCORE_BPF_H
#define RESCORE_BPF_H

#ifdef RESCORE_NATIVE
#include "native.h"
#else
#include "vmlinux.h"
#include <asm-generic/errno.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>
#endif

#include <rescore/abi.h>

/*
 * A function that the verifier looks at once, knowing nothing of its arguments,
 * instead of on every path that calls it: what seldom runs. It takes numbers and
 * pointers to memory; those may be NULL to the verifier.
 */
#ifdef RESCORE_NATIVE
#define RESCORE_FUNCTION static __noinline
#else
#define RESCORE_FUNCTION __noinline
#endif

#ifndef WRITE_ONCE
#define WRITE_ONCE(x, value) (*(volatile typeof(x) *)&(x) = (value))
#endif
#ifndef READ_ONCE
#define READ_ONCE(x) (*(const volatile typeof(x) *)&(x))
#endif

/* Given by the loader before the programs are verified, so it costs nothing. */
const volatile struct rescore_config rescore_cfg SEC(".rodata.config");

/* Address of a variable of the kernel, or 0: it has none. */
#define rescore_symbol(id) ((const char *)rescore_cfg.symbol[id])

/* One for all objects: the loader gives each the same map. */
struct rescore_meta rescore_meta SEC(".data.rescore");

/*
 * A variable, and no array map, so that a bucket is found without a look-up. One for
 * all objects as well: the only one that may be in .bss, which the loader shares.
 */
#ifndef RESCORE_NATIVE
struct rescore_bucket members[1 << RESCORE_MEMBERS_BITS];
#endif

/*
 * A table of a controller's own that is looked up often: a variable as well. An upgrade
 * keeps it.
 *
 *	struct sockplace sockbufs[1 << 14] RESCORE_TABLE(sockbufs);
 */
#define RESCORE_TABLE(name)	SEC(".data." #name)

/* Any other variable, which is of one object, and begins with 0 after an upgrade. */
#define RESCORE_OWN	static SEC(".data.own")

/*
 * Sizes are set by the loader in the core's object; the others get the core's
 * maps by name. A map that only one controller needs is defined there.
 */
#define RESCORE_ARRAY(name, element)				\
	struct {						\
		__uint(type, BPF_MAP_TYPE_ARRAY);		\
		__uint(map_flags, BPF_F_MMAPABLE);		\
		__uint(max_entries, 1);				\
		__type(key, __u32);				\
		__type(value, element);				\
	} name SEC(".maps")

#define RESCORE_HASH(name)					\
	struct {						\
		__uint(type, BPF_MAP_TYPE_HASH);		\
		__uint(max_entries, 1);				\
		__type(key, __u64);				\
		__type(value, __u64);				\
	} name SEC(".maps")

RESCORE_ARRAY(table, struct rescore_row);
#ifdef RESCORE_NATIVE
RESCORE_ARRAY(members, struct rescore_bucket);
#endif
RESCORE_HASH(members_more);
RESCORE_ARRAY(payers, struct rescore_bucket);
RESCORE_HASH(payers_more);
RESCORE_ARRAY(events, struct rescore_event);
RESCORE_ARRAY(throttle, struct rescore_throttle);
RESCORE_ARRAY(containers, struct rescore_container);
RESCORE_ARRAY(registry, struct rescore_resource);
RESCORE_ARRAY(gauges, struct rescore_gauges);

#include "handover.h"

/*
 * BPF_PROG for a program of ours: as libbpf's, but it does nothing while its
 * generation is not the active one, and during an upgrade one of the two acts.
 */
#define RESCORE_PROG(name, args...)					\
name(unsigned long long *ctx);						\
static __always_inline int						\
____##name(unsigned long long *ctx, ##args);				\
int RESCORE_BODY(name, name, ##args)					\
static __always_inline int						\
____##name(unsigned long long *ctx, ##args)

/*
 * The same, but where @condition is false there is nothing to do, which is found out
 * first. It may depend on nothing that changes between two programs of one call.
 */
#define RESCORE_PROG_IF(name, condition, args...)			\
name(unsigned long long *ctx);						\
static __always_inline bool						\
____##name##__if(unsigned long long *ctx, ##args)			\
{									\
	return condition;						\
}									\
static __always_inline int						\
____##name(unsigned long long *ctx, ##args);				\
int RESCORE_BODY_IF(name, name, ##args)					\
static __always_inline int						\
____##name(unsigned long long *ctx, ##args)

/*
 * The same for a program that does nothing if it is run again: during an upgrade
 * both act. Programs on tracepoints and those of cgroups have to be like that
 * (rescore_active()): there the kernel runs the old ones first.
 */
#define RESCORE_REPEATABLE(name, args...)				\
name(unsigned long long *ctx);						\
static __always_inline int						\
____##name(unsigned long long *ctx, ##args);				\
int RESCORE_REPEATABLE_BODY(name, name, ##args)				\
static __always_inline int						\
____##name(unsigned long long *ctx, ##args)

#define RESCORE_REPEATABLE_BODY(name, variant, args...)			\
variant(unsigned long long *ctx)					\
{									\
	if (!rescore_active())						\
		return 0;						\
	_Pragma("GCC diagnostic push")					\
	_Pragma("GCC diagnostic ignored \"-Wint-conversion\"")		\
	return ____##name(___bpf_ctx_cast(args));			\
	_Pragma("GCC diagnostic pop")					\
}

/*
 * And for one that most often finds that there is nothing to do: its body itself
 * asks rescore_active(), when it has found something and before it changes it.
 */
#define RESCORE_LATE(name, args...)					\
name(unsigned long long *ctx);						\
static __always_inline int						\
____##name(unsigned long long *ctx, ##args);				\
int RESCORE_LATE_BODY(name, name, ##args)				\
static __always_inline int						\
____##name(unsigned long long *ctx, ##args)

#define RESCORE_LATE_BODY(name, variant, args...)			\
variant(unsigned long long *ctx)					\
{									\
	_Pragma("GCC diagnostic push")					\
	_Pragma("GCC diagnostic ignored \"-Wint-conversion\"")		\
	return ____##name(___bpf_ctx_cast(args));			\
	_Pragma("GCC diagnostic pop")					\
}

/* @variant, which runs ____@name. What is refused ends the old one's turn too. */
#define RESCORE_BODY(name, variant, args...)				\
variant(unsigned long long *ctx)					\
{									\
	RESCORE_TAKE_TURN(name, variant, ##args)			\
}

#define RESCORE_BODY_IF(name, variant, args...)				\
variant(unsigned long long *ctx)					\
{									\
	_Pragma("GCC diagnostic push")					\
	_Pragma("GCC diagnostic ignored \"-Wint-conversion\"")		\
	if (!____##name##__if(___bpf_ctx_cast(args)))			\
		return 0;						\
	_Pragma("GCC diagnostic pop")					\
	RESCORE_TAKE_TURN(name, variant, ##args)			\
}

#define RESCORE_TAKE_TURN(name, variant, args...)			\
	int ret, turn = rescore_turn(rescore_program(#variant));	\
									\
	if (!turn)							\
		return 0;						\
	_Pragma("GCC diagnostic push")					\
	_Pragma("GCC diagnostic ignored \"-Wint-conversion\"")		\
	ret = ____##name(___bpf_ctx_cast(args));			\
	_Pragma("GCC diagnostic pop")					\
	if (turn == RESCORE_TURN_NOTED && !ret)				\
		rescore_turn_note(rescore_program(#variant));		\
	return ret;

/*
 * A program on a security hook. As BPF_PROG_TYPE_LSM where the kernel's LSM
 * list has "bpf"; else as a tracing program, which does the same on every
 * kernel but one thing: the kernel skips a tracing program that is running on
 * this CPU already, in a task that was preempted or under an interrupt. @hook is
 * the LSM's name of it, @function the function that calls all LSMs.
 *
 *	RESCORE_SECURITY(numfile__open, file_alloc_security,
 *			 security_file_alloc, struct file *file) { … }
 *
 * makes the variants numfile__open__lsm and numfile__open__mod, of which the
 * loader takes one. The body's result is 0, or a constant errno to refuse:
 * the verifier wants to see its value.
 *
 *	RESCORE_SECURITY_IF	as RESCORE_PROG_IF
 *	RESCORE_SECURITY_LATE	as RESCORE_LATE
 *	RESCORE_SECURITY_VOID	as RESCORE_LATE, on a hook that cannot refuse
 *	RESCORE_SECURITY_TASK	the same; only tasks come there, no interrupts. So
 *				where tasks are not preempted nothing is skipped,
 *				and the tracing program costs less: variant __task.
 */
#define RESCORE_SECURITY(name, hook, function, args...)			\
	RESCORE_SECURITY_IF(name, true, hook, function, ##args)

#define RESCORE_SECURITY_IF(name, condition, hook, function, args...)	\
static __always_inline bool						\
____##name##__if(unsigned long long *ctx, ##args)			\
{									\
	return condition;						\
}									\
	RESCORE_BOTH(RESCORE_BODY_IF, name, "lsm/" #hook, __lsm,	\
		     "fmod_ret/" #function, __mod, ##args)

#define RESCORE_SECURITY_LATE(name, hook, function, args...)		\
	RESCORE_BOTH(RESCORE_LATE_BODY, name, "lsm/" #hook, __lsm,	\
		     "fmod_ret/" #function, __mod, ##args)

#define RESCORE_SECURITY_VOID(name, hook, function, args...)		\
	RESCORE_BOTH(RESCORE_LATE_BODY, name, "lsm/" #hook, __lsm,	\
		     "fentry/" #function, __mod, ##args)

#define RESCORE_SECURITY_TASK(name, hook, function, args...)		\
	RESCORE_BOTH(RESCORE_LATE_BODY, name, "lsm/" #hook, __lsm,	\
		     "fentry/" #function, __task, ##args)

/*
 * A tracing program of which a second copy, <name>_2__twice, is attached on
 * preemptible kernels: what was skipped once is done by the other. So it must do
 * nothing if it is run again. RESCORE_TWICE_LATE: as RESCORE_LATE.
 */
#define RESCORE_TWICE(section, name, args...)				\
	RESCORE_BOTH(RESCORE_REPEATABLE_BODY, name, section, ,		\
		     section, _2__twice, ##args)

#define RESCORE_TWICE_LATE(section, name, args...)			\
	RESCORE_BOTH(RESCORE_LATE_BODY, name, section, ,		\
		     section, _2__twice, ##args)

#define RESCORE_BOTH(body, name, section_a, a, section_b, b, args...)	\
static __always_inline int						\
____##name(unsigned long long *ctx, ##args);				\
SEC(section_a)								\
int body(name, name##a, ##args)						\
SEC(section_b)								\
int body(name, name##b, ##args)						\
static __always_inline int						\
____##name(unsigned long long *ctx, ##args)

/*
 * A kernel pointer as a number, for what the verifier forbids on pointers: to
 * hash, store or compare it. The difference of two pointers is a number to it,
 * and meta.base is the number of the one that is subtracted. Calls no helper.
 */
#ifdef RESCORE_NATIVE
#define rescore_address(pointer) ((__u64)(uintptr_t)(pointer))
#else
static __always_inline __u64 rescore_address(const void *pointer)
{
	__u64 distance = (__u64)pointer;

	/* opaque to the compiler, which would shift the pointer first */
	asm volatile("%[distance] -= %[meta]"
		     : [distance] "+r"(distance)
		     : [meta] "r"(&rescore_meta));
	return distance + rescore_meta.base;
}
#endif

/* Read as memory (a context's member, say), a pointer is a number as well. */
static __always_inline __u64 rescore_scalar(const void *where)
{
	__u64 value = 0;

	bpf_probe_read_kernel(&value, sizeof(value), where);
	return value;
}

/*
 * The same for argument @n of a traced function, inlined by the kernel; where
 * the argument's type differs between kernels. Not in lsm programs.
 */
#define rescore_arg(ctx, n)			\
({						\
	__u64 __value = 0;			\
						\
	bpf_get_func_arg(ctx, n, &__value);	\
	__value;				\
})

#endif /* RESCORE_BPF_H */
