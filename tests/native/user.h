/* SPDX-License-Identifier: GPL-2.0 */
/*
 * User space beside the programs: librescore's own functions (lib/values.c) on
 * the test's maps. They cannot be called directly, since the library and the
 * programs use some names for different things.
 */
#ifndef USER_H
#define USER_H

#include <stdbool.h>
#include <stdint.h>

#include <rescore/abi.h>

/* What a handle is opened on. */
struct user_maps {
	struct rescore_meta *meta;
	struct rescore_resource *registry;
	struct rescore_row *table;
	struct rescore_event *events;
};

void user_open(struct user_maps maps);

/* rescore_next_event() and so on, of librescore.h */
int user_next_event(uint64_t *cursor, struct rescore_event *event,
		    uint64_t *lost);
int64_t user_take_peak(unsigned int slot, unsigned int id);
void user_reset_maxheld(unsigned int slot, unsigned int id);
int user_set(unsigned int slot, unsigned int id, int64_t barrier,
	     int64_t limit);

#endif /* USER_H */
