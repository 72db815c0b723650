// SPDX-License-Identifier: GPL-2.0
/*
 * gadgets: a resource that no tool has heard of. What `rlimitctl` and `rstat` know
 * of it is what stands here.
 *
 * Counted     4096 bytes for each directory that the container makes.
 * Charged     by mkdir.
 * Uncharged   by rmdir.
 * Who pays    the container of the caller.
 * Refused     mkdir: EDQUOT
 * Costs       one hook per mkdir and rmdir.
 */
#include "rescore.h"

char LICENSE[] SEC("license") = "GPL";

#define EDQUOT 122

RESCORE_RESOURCE(gadgets) = {
	.name = "gadgets",
	.unit = RESCORE_BYTES,
	.flags = RESCORE_DENIABLE,
	.err = EDQUOT,
	.help = "bytes of directories, for a test",
};

RESCORE_SECURITY(gadgets__mkdir, inode_mkdir, security_inode_mkdir,
		 struct inode *dir, struct dentry *dentry, umode_t mode)
{
	__u32 slot = rescore_current();

	if (slot && rescore_try_charge(slot, gadgets.id, 4096, RESCORE_HARD))
		return -EDQUOT;
	return 0;
}

RESCORE_SECURITY(gadgets__rmdir, inode_rmdir, security_inode_rmdir,
		 struct inode *dir, struct dentry *dentry)
{
	__u32 slot = rescore_current();

	if (slot)
		rescore_uncharge(slot, gadgets.id, 4096);
	return 0;
}
