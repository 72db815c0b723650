/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The calls of cairo that we use, found when they are needed: it comes with
 * librrd, and what draws nothing must run without either.
 */
#ifndef RSTAT_CAIRO_SHIM_H
#define RSTAT_CAIRO_SHIM_H

#include <cairo/cairo-pdf.h>
#include <cairo/cairo-svg.h>
#include <cairo/cairo.h>

#define CAIRO_CALLS(X)                                                      \
	X(image_surface_create) X(svg_surface_create_for_stream)            \
	X(pdf_surface_create_for_stream) X(surface_write_to_png_stream)     \
	X(surface_finish) X(surface_destroy) X(surface_status) X(create)    \
	X(destroy) X(status) X(set_source_rgba) X(set_line_width)           \
	X(set_dash) X(move_to) X(line_to) X(close_path) X(new_path)         \
	X(rectangle) X(fill) X(stroke) X(save) X(restore) X(clip)           \
	X(image_surface_get_data) X(image_surface_get_format)               \
	X(image_surface_get_width) X(image_surface_get_height)              \
	X(image_surface_get_stride) X(surface_flush)                        \
	X(select_font_face) X(set_font_size) X(show_text) X(text_extents)

/* NOLINTNEXTLINE(bugprone-macro-parentheses): a name in a declaration */
#define CAIRO_MEMBER(name) __typeof__(&cairo_##name) name;
struct cairo_calls {
	CAIRO_CALLS(CAIRO_MEMBER)
};

/* NULL: not installed; see failure(). */
const struct cairo_calls *cairo_shim_load(void);

#endif /* RSTAT_CAIRO_SHIM_H */
