// SPDX-License-Identifier: GPL-2.0
#include <dlfcn.h>
#include <png.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "cairo_shim.h"
#include "png.h"

#define LIBPNG		"libpng16.so.16"
#define OPAQUE		0xff000000U

typedef __typeof__(&png_image_write_to_memory) png_writer;

static png_writer load_libpng(void)
{
	static png_writer writer;
	void *handle = writer ? NULL : dlopen(LIBPNG, RTLD_NOW | RTLD_LOCAL);
	void *symbol = NULL;

	if (handle)
		symbol = dlsym(handle, "png_image_write_to_memory");
	if (symbol)
		memcpy(&writer, &symbol, sizeof(symbol));
	return writer;
}

/* False: some of it can be looked through, which three bytes do not say. */
static bool take_row(const uint32_t *pixel, int width, bool alpha,
		     unsigned char *to)
{
	uint32_t all = OPAQUE;

	for (int x = 0; x < width; x++, to += 3) {
		all &= pixel[x];
		to[0] = (unsigned char)(pixel[x] >> 16);
		to[1] = (unsigned char)(pixel[x] >> 8);
		to[2] = (unsigned char)pixel[x];
	}
	return !alpha || all == OPAQUE;
}

/* Red, green, blue; NULL: cairo has to do it. To be freed. */
static unsigned char *take_pixels(const struct cairo_calls *c,
				  cairo_surface_t *surface, png_image *image)
{
	cairo_format_t format = c->image_surface_get_format(surface);
	int width = c->image_surface_get_width(surface);
	int height = c->image_surface_get_height(surface);
	int stride = c->image_surface_get_stride(surface);
	const unsigned char *data;
	unsigned char *rgb;

	if (format != CAIRO_FORMAT_ARGB32 && format != CAIRO_FORMAT_RGB24)
		return NULL;
	c->surface_flush(surface);
	data = c->image_surface_get_data(surface);
	rgb = data ? malloc(3 * (size_t)width * (size_t)height) : NULL;
	for (int y = 0; rgb && y < height; y++) {
		const void *row = data + (size_t)y * (size_t)stride;

		if (!take_row(row, width, format == CAIRO_FORMAT_ARGB32,
			      rgb + 3 * (size_t)y * (size_t)width)) {
			free(rgb);
			rgb = NULL;
		}
	}
	*image = (png_image){
		.version = PNG_IMAGE_VERSION,
		.width = (png_uint_32)width,
		.height = (png_uint_32)height,
		.format = PNG_FORMAT_RGB,
		/* No filters: they suit photographs, and take most of the time. */
		.flags = PNG_IMAGE_FLAG_FAST,
	};

	return rgb;
}

/* True: written, or refused by the reader of it. */
static bool encode(const struct cairo_calls *c, cairo_surface_t *surface,
		   cairo_write_func_t write, void *closure,
		   cairo_status_t *ret_status)
{
	png_writer writer = load_libpng();
	png_alloc_size_t size;
	unsigned char *rgb, *file = NULL;
	png_image image;
	bool done = false;

	rgb = writer ? take_pixels(c, surface, &image) : NULL;
	if (rgb) {
		size = PNG_IMAGE_PNG_SIZE_MAX(image);
		file = malloc(size);
		done = file && writer(&image, file, &size, 0, rgb, 0, NULL);
	}
	if (done)
		*ret_status = write(closure, file, (unsigned int)size);
	free(file);
	free(rgb);

	return done;
}

cairo_status_t cairo_surface_write_to_png_stream(cairo_surface_t *surface,
						 cairo_write_func_t write,
						 void *closure)
{
	const struct cairo_calls *c = cairo_shim_load();
	cairo_status_t status = CAIRO_STATUS_NO_MEMORY;

	if (c && !encode(c, surface, write, closure, &status))
		status = c->surface_write_to_png_stream(surface, write,
							closure);
	return status;
}
