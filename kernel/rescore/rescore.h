/* SPDX-License-Identifier: GPL-2.0 */
/* All that a controller includes. */
#ifndef RESCORE_H
#define RESCORE_H

#include "charge.h"
#include "container.h"
#include "gate.h"

/*
 * Resources as data: the loader fills in id, controller, state and why before
 * the object is verified, so numproc.id is a constant to the verifier.
 *
 *	RESCORE_RESOURCE(numproc) = { .unit = RESCORE_COUNT, … };
 */
#define RESCORE_RESOURCE(res) \
	const volatile struct rescore_resource res SEC(".rodata.resources")

/*
 * The controller has programs on functions of this module, which the loader loads:
 *
 *	RESCORE_MODULE(nf_tables);
 */
#define RESCORE_MODULE(module)						\
	const volatile struct rescore_module rescore_module_##module	\
		SEC(".rodata.modules") = { #module }

#endif /* RESCORE_H */
