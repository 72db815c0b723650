/* SPDX-License-Identifier: GPL-2.0 */
#ifndef RSTAT_PNG_H
#define RSTAT_PNG_H

#include <cairo/cairo.h>

/*
 * Encode a picture as cairo does, in a fifth of the time.
 *
 * It bears cairo's name, and the Makefile exports it: what the program itself
 * exports comes before all libraries, so librrd, which can be told nothing
 * about its encoder, calls this one. Where it does not, or libpng is missing,
 * cairo's own does the same, slower.
 */
cairo_status_t cairo_surface_write_to_png_stream(cairo_surface_t *surface,
						 cairo_write_func_t write,
						 void *closure);

#endif /* RSTAT_PNG_H */
