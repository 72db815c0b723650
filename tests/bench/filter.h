/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BENCH_FILTER_H
#define BENCH_FILTER_H

/* A rule of nftables, and away with it: as one does with nft. */
void filter_rule(void);

#endif
