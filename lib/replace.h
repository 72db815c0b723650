/* SPDX-License-Identifier: GPL-2.0 */
/* Files that are replaced as a whole. */
#ifndef RESCORE_REPLACE_H
#define RESCORE_REPLACE_H

#include <sys/types.h>

/*
 * Make @text the contents of @path, by way of "@path.new": whoever reads it, after a
 * crash as well, finds the old or the new ones. Those who may write beside it agree
 * among themselves whose turn it is. 0 or -errno, and nothing has changed.
 */
int rescore_replace_file(const char *path, const char *text, mode_t mode);

#endif /* RESCORE_REPLACE_H */
