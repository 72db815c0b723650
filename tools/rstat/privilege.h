/* SPDX-License-Identifier: GPL-2.0 */
/* What cannot be had cannot be lost to whoever gets in. */
#ifndef RSTAT_PRIVILEGE_H
#define RSTAT_PRIVILEGE_H

/*
 * Give up all capabilities, for ever. Enough for what root reads of rescore: it
 * is the owner of the BPF file system.
 */
void privilege_drop(void);

/*
 * The same, and become the user and group that own directory @fd, if that is
 * another one: for code that writes there and nowhere else. 0 or -errno, which
 * failure() explains.
 */
int privilege_become_owner(int fd);

#endif /* RSTAT_PRIVILEGE_H */
