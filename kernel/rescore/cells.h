/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A hash map whose entries are looked up several times in what is often done, each
 * for a short while:
 *
 *	RESCORE_CELLS(vm, struct vm, 14, amounts_privvmpages);
 *
 * gives each hash value, of 14 bits here, a cell for one, found by one load; the next
 * ones of the same go into that map. Nothing is allocated for what has a cell.
 *
 *	vm_is_near(key)		could it be there?
 *	vm_lookup(key)		the value, or NULL
 *	vm_insert(key, value)	what is not there yet. 0, or -1: there is no room
 *	vm_remove(key)		0, or -1: it is not there
 *
 * Keys are addresses of the kernel. What one key stands for has one user at a time.
 */
#ifndef RESCORE_CELLS_H
#define RESCORE_CELLS_H

#include "bucket.h"

#define RESCORE_CELL_BUSY	1	/* no address: is being filled */

#define RESCORE_CELLS(name, type_of_value, bits, map)			\
struct name##_cell {							\
	__u64 key;							\
	__u32 more;	/* of this hash value in the map */		\
	__u32 reserved;							\
	type_of_value value;						\
};									\
									\
struct name##_cell name##_cells[1 << (bits)] RESCORE_TABLE(name##_cells); \
									\
static __always_inline struct name##_cell *name##_cell_of(__u64 key)	\
{									\
	return name##_cells + rescore_hash(key, 64 - (bits));		\
}									\
									\
static __always_inline bool name##_is_near(__u64 key)			\
{									\
	struct name##_cell *cell = name##_cell_of(key);			\
									\
	return READ_ONCE(cell->key) == key || READ_ONCE(cell->more);	\
}									\
									\
static __always_inline type_of_value *name##_lookup(__u64 key)		\
{									\
	struct name##_cell *cell = name##_cell_of(key);			\
									\
	if (READ_ONCE(cell->key) == key)				\
		return &cell->value;					\
	if (!READ_ONCE(cell->more))					\
		return NULL;						\
	return bpf_map_lookup_elem(&map, &key);				\
}									\
									\
static __always_inline int name##_insert(__u64 key,			\
					 const type_of_value *value)	\
{									\
	struct name##_cell *cell = name##_cell_of(key);			\
									\
	if (rescore_swapped(&cell->key, 0, RESCORE_CELL_BUSY)) {	\
		cell->value = *value;					\
		/* a full barrier: it is whole when it is found */	\
		__sync_lock_test_and_set(&cell->key, key);		\
		return 0;						\
	}								\
	/* counted first: nobody must overlook it */			\
	__sync_fetch_and_add(&cell->more, 1);				\
	if (!bpf_map_update_elem(&map, &key, value, BPF_NOEXIST))	\
		return 0;						\
	__sync_fetch_and_add(&cell->more, -1);				\
	return -1;							\
}									\
									\
static __always_inline int name##_remove(__u64 key)			\
{									\
	struct name##_cell *cell = name##_cell_of(key);			\
									\
	if (rescore_swapped(&cell->key, key, 0))			\
		return 0;						\
	if (!READ_ONCE(cell->more) || bpf_map_delete_elem(&map, &key))	\
		return -1;						\
	__sync_fetch_and_add(&cell->more, -1);				\
	return 0;							\
}

#endif /* RESCORE_CELLS_H */
