/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Which of two generations of a program acts. Outside of an upgrade it is the one
 * that meta names, which costs one comparison.
 *
 * An upgrade attaches the new programs beside the old ones, which act. The kernel
 * runs both for each call of the function, the latest attached first. If meta
 * then just named the new generation, an operation between the two would find
 * neither active, and go uncounted. So for a while (RESCORE_HANDOVER) the new one
 * acts and notes that it did; the old one acts unless it finds the note, and
 * removes it: whatever moment an operation meets, one of them acts. The old ones
 * are detached in that while, and only then meta names the new generation.
 *
 * Notes are of a task and a program. Between the note and its removal the task may
 * be interrupted, and the same program run there; but that one's note is removed
 * before the task goes on, so a count of notes is enough.
 */
#ifndef RESCORE_HANDOVER_H
#define RESCORE_HANDOVER_H

enum rescore_turn_kind {
	RESCORE_TURN_NONE,	/* the other one acts */
	RESCORE_TURN_ACT,
	RESCORE_TURN_NOTED,	/* act, then note it */
};

#ifdef RESCORE_NATIVE
static __always_inline bool rescore_active(void)
{
	return READ_ONCE(rescore_meta.generation) == rescore_cfg.generation;
}
#else

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 1 << 20);
	__type(key, struct rescore_turn);
	__type(value, __u64);
} turns SEC(".maps");

/* Programs of the old generation: the new ones of others need not note a thing. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, RESCORE_HOOKS_MAX);
	__type(key, __u32);
	__type(value, __u32);
} predecessors SEC(".maps");

/* A number for a program of this name. The compiler computes it. */
#define rescore_program(name)						\
({									\
	const char __name[] = name;					\
	__u32 __hash = RESCORE_HASH_BASIS;				\
									\
	_Pragma("unroll")						\
	for (unsigned int __i = 0; __i < sizeof(__name) - 1; __i++)	\
		__hash = (__hash ^ (__u8)__name[__i]) * RESCORE_HASH_PRIME; \
	__hash;								\
})

static __always_inline bool rescore_may_act(__u32 generation)
{
	return generation == READ_ONCE(rescore_meta.from) ||
	       generation == READ_ONCE(rescore_meta.to);
}

/* May a program be run again for what it has done (RESCORE_TWICE)? */
static __always_inline bool rescore_repeats(void)
{
	return rescore_cfg.preemptible ||
	       READ_ONCE(rescore_meta.generation) == RESCORE_HANDOVER;
}

/* For programs that do nothing if they are run again: both may act. */
static __always_inline bool rescore_active(void)
{
	__u32 active = READ_ONCE(rescore_meta.generation);

	return active == rescore_cfg.generation ||
	       (active == RESCORE_HANDOVER &&
		rescore_may_act(rescore_cfg.generation));
}

/* Is there a note of this task? It is removed. */
static __always_inline bool rescore_turn_taken(__u32 program)
{
	struct rescore_turn key = {
		.task = bpf_get_current_task(),
		.program = program,
	};
	__u64 *notes = bpf_map_lookup_elem(&turns, &key);

	if (!notes || !READ_ONCE(*notes))
		return false;
	if (__sync_fetch_and_add(notes, -1) == 1)
		bpf_map_delete_elem(&turns, &key);
	return true;
}

RESCORE_FUNCTION int rescore_turn_note(__u32 program)
{
	struct rescore_turn key = {
		.task = bpf_get_current_task(),
		.program = program,
	};
	__u64 *notes = bpf_map_lookup_elem(&turns, &key), first = 1;

	if (notes)
		__sync_fetch_and_add(notes, 1);
	else
		bpf_map_update_elem(&turns, &key, &first, BPF_NOEXIST);
	return 0;
}

/* Not the active generation, so perhaps a handover: enum rescore_turn_kind. */
RESCORE_FUNCTION int rescore_turn_slow(__u32 program)
{
	if (READ_ONCE(rescore_meta.generation) != RESCORE_HANDOVER)
		return RESCORE_TURN_NONE;
	if (rescore_cfg.generation == READ_ONCE(rescore_meta.to))
		return bpf_map_lookup_elem(&predecessors, &program) ?
			       RESCORE_TURN_NOTED :
			       RESCORE_TURN_ACT;
	if (rescore_cfg.generation == READ_ONCE(rescore_meta.from))
		return rescore_turn_taken(program) ? RESCORE_TURN_NONE :
						     RESCORE_TURN_ACT;
	return RESCORE_TURN_NONE;
}

static __always_inline int rescore_turn(__u32 program)
{
	if (READ_ONCE(rescore_meta.generation) == rescore_cfg.generation)
		return RESCORE_TURN_ACT;
	return rescore_turn_slow(program);
}

#endif /* RESCORE_NATIVE */

#endif /* RESCORE_HANDOVER_H */
