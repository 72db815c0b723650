/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How a program begins: what it is attached to, in which variants, and when it acts.
 * Part of bpf.h.
 */
#ifndef RESCORE_PROGRAM_H
#define RESCORE_PROGRAM_H

#include "handover.h"

/*
 * BPF_PROG for a program of ours: as libbpf's, but it does nothing while its
 * generation is not the active one, and during an upgrade one of the two acts.
 */
#define RESCORE_PROG(name, args...)					\
	RESCORE_ONE(RESCORE_BODY, name, ##args)

/*
 * The same, but where @condition is false there is nothing to do, which is found out
 * first. It may depend on nothing that changes between two programs of one call.
 */
#define RESCORE_PROG_IF(name, condition, args...)			\
name(unsigned long long *ctx);						\
RESCORE_CONDITION(name, condition, ##args)				\
int RESCORE_ONE(RESCORE_BODY_IF, name, ##args)

/*
 * The same for a program that does nothing if it is run again: during an upgrade
 * both act. Programs on tracepoints and those of cgroups have to be like that
 * (rescore_active()): there the kernel runs the old ones first.
 */
#define RESCORE_REPEATABLE(name, args...)				\
	RESCORE_ONE(RESCORE_REPEATABLE_BODY, name, ##args)

/*
 * And for one that most often finds that there is nothing to do: its body itself
 * asks rescore_active(), when it has found something and before it changes it.
 */
#define RESCORE_LATE(name, args...)					\
	RESCORE_ONE(RESCORE_LATE_BODY, name, ##args)

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
 *	RESCORE_SECURITY_BOUND	the same, attached when its row gets the first bound:
 *				variants __bound_lsm and __bound_mod
 *	RESCORE_SECURITY_LATE	as RESCORE_LATE
 *	RESCORE_SECURITY_VOID	as RESCORE_LATE, on a hook that cannot refuse
 *	RESCORE_SECURITY_TASK	the same; only tasks come there, no interrupts. So
 *				where tasks are not preempted nothing is skipped,
 *				and the tracing program costs less: variant __task.
 */
#define RESCORE_SECURITY(name, hook, function, args...)			\
	RESCORE_SECURITY_IF(name, true, hook, function, ##args)

#define RESCORE_SECURITY_IF(name, condition, hook, function, args...)	\
	RESCORE_CONDITION(name, condition, ##args)			\
	RESCORE_BOTH(RESCORE_BODY_IF, name, "lsm/" #hook, __lsm,	\
		     "fmod_ret/" #function, __mod, ##args)

#define RESCORE_SECURITY_BOUND(name, condition, hook, function, args...)	\
	RESCORE_CONDITION(name, condition, ##args)			\
	RESCORE_BOTH(RESCORE_BODY_IF, name, "lsm/" #hook, __bound_lsm,	\
		     "fmod_ret/" #function, __bound_mod, ##args)

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

/* --- what these are made of ----------------------------------------------------- */

/* ____@name, with what libbpf's BPF_PROG makes of the context as its arguments. */
#define RESCORE_RUN(name, args...)					\
({									\
	_Pragma("GCC diagnostic push")					\
	_Pragma("GCC diagnostic ignored \"-Wint-conversion\"")		\
	____##name(___bpf_ctx_cast(args));				\
	_Pragma("GCC diagnostic pop")					\
})

/* What is refused ends the old one's turn too. */
#define RESCORE_TAKE_TURN(name, variant, args...)			\
	int ret, turn = rescore_turn(rescore_program(#variant));	\
									\
	if (!turn)							\
		return 0;						\
	ret = RESCORE_RUN(name, ##args);				\
	if (turn == RESCORE_TURN_NOTED && !ret)				\
		rescore_turn_note(rescore_program(#variant));		\
	return ret;

#define RESCORE_BODY(name, variant, args...)				\
variant(unsigned long long *ctx)					\
{									\
	RESCORE_TAKE_TURN(name, variant, ##args)			\
}

#define RESCORE_BODY_IF(name, variant, args...)				\
variant(unsigned long long *ctx)					\
{									\
	if (!RESCORE_RUN(name##__if, ##args))				\
		return 0;						\
	RESCORE_TAKE_TURN(name, variant, ##args)			\
}

#define RESCORE_REPEATABLE_BODY(name, variant, args...)			\
variant(unsigned long long *ctx)					\
{									\
	return rescore_active() ? RESCORE_RUN(name, ##args) : 0;	\
}

#define RESCORE_LATE_BODY(name, variant, args...)			\
variant(unsigned long long *ctx)					\
{									\
	return RESCORE_RUN(name, ##args);				\
}

#define RESCORE_CONDITION(name, condition, args...)			\
static __always_inline bool						\
____##name##__if(unsigned long long *ctx, ##args)			\
{									\
	return condition;						\
}

/* After "int", as BPF_PROG. */
#define RESCORE_ONE(body, name, args...)				\
name(unsigned long long *ctx);						\
static __always_inline int						\
____##name(unsigned long long *ctx, ##args);				\
int body(name, name, ##args)						\
static __always_inline int						\
____##name(unsigned long long *ctx, ##args)

#define RESCORE_BOTH(body, name, section_a, a, section_b, b, args...)	\
static __always_inline int						\
____##name(unsigned long long *ctx, ##args);				\
SEC(section_a)								\
int body(name, name##a, ##args)						\
SEC(section_b)								\
int body(name, name##b, ##args)						\
static __always_inline int						\
____##name(unsigned long long *ctx, ##args)

#endif /* RESCORE_PROGRAM_H */
