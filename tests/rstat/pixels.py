#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Where in a PNG is a colour?  pixels.py FILE [RRGGBB]

Prints "COUNT LEFT RIGHT TOP BOTTOM" of the pixels that are nearly of this
colour, or "0 0 0 0 0". Without a colour: "WIDTH HEIGHT" of the picture.
"""
import struct
import sys
import zlib

NEAR = 10


def read_png(path):
    """Rows of (r, g, b) bytes; 8 bits per channel, not interlaced."""
    data = open(path, 'rb').read()
    assert data[:8] == b'\x89PNG\r\n\x1a\n', 'no PNG'
    pos, packed = 8, b''
    while pos < len(data):
        size, kind = struct.unpack('>I4s', data[pos:pos + 8])
        body = data[pos + 8:pos + 8 + size]
        if kind == b'IHDR':
            width, height, depth, colour, _, _, lace = struct.unpack(
                '>IIBBBBB', body)
            assert depth == 8 and colour in (2, 6) and not lace, 'odd PNG'
        elif kind == b'IDAT':
            packed += body
        pos += 12 + size
    return unfilter(zlib.decompress(packed), width, height,
                    3 if colour == 2 else 4)


def paeth(a, b, c):
    p = a + b - c
    pa, pb, pc = abs(p - a), abs(p - b), abs(p - c)
    return a if pa <= pb and pa <= pc else b if pb <= pc else c


def unfilter(raw, width, height, bpp):
    stride = width * bpp
    above = bytearray(stride)
    for y in range(height):
        start = y * (stride + 1)
        kind = raw[start]
        line = bytearray(raw[start + 1:start + 1 + stride])
        for i in range(stride):
            left = line[i - bpp] if i >= bpp else 0
            upleft = above[i - bpp] if i >= bpp else 0
            line[i] = (line[i] + (0, left, above[i], (left + above[i]) // 2,
                                  paeth(left, above[i], upleft))[kind]) & 255
        above = line
        yield [line[x:x + 3] for x in range(0, stride, bpp)]


def main():
    if len(sys.argv) == 2:
        rows = list(read_png(sys.argv[1]))
        print(len(rows[0]), len(rows))
        return
    want = bytes.fromhex(sys.argv[2])
    xs, ys = [], []
    for y, row in enumerate(read_png(sys.argv[1])):
        for x, pixel in enumerate(row):
            if all(abs(a - b) <= NEAR for a, b in zip(pixel, want)):
                xs.append(x)
                ys.append(y)
    if xs:
        print(len(xs), min(xs), max(xs), min(ys), max(ys))
    else:
        print('0 0 0 0 0')


main()
