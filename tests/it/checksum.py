"""Computes a table's checksum from a SQLite file, by docs/checksums.md alone: standard library, no code of Liftlock's.

    python3 checksum.py FILE TABLE COLUMN:TYPE [COLUMN:TYPE ...]
    python3 checksum.py --hash HEX [HEX ...]

prints `ROWS SUM`, or the XXH3-128 of each of the given bytes.
"""

import datetime
import decimal
import json
import sqlite3
import struct
import sys
import uuid

MASK = (1 << 64) - 1
P32_1, P32_2, P32_3 = 0x9E3779B1, 0x85EBCA77, 0xC2B2AE3D
P64_1, P64_2, P64_3 = 0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9
P64_4, P64_5 = 0x85EBCA77C2B2AE63, 0x27D4EB2F165667C5
SECRET = bytes.fromhex(
    "b8fe6c3923a44bbe7c01812cf721ad1cded46de9839097db7240a4a4b7b3671f"
    "cb79e64eccc0e578825ad07dccff7221b8084674f743248ee03590e6813a264c"
    "3c2852bb91c300cb88d0658b1b532ea371644897a20df94e3819ef46a9deacd8"
    "a8fa763fe39c343ff9dcbbc7c70b4f1d8a51e04bcdb45931c89f7ec9d9787364"
    "eac5ac8334d3ebc3c581a0fffa1363eb170ddd51b7f0da49d316552629d4689e"
    "2b16be587d47a1fc8ff8b8d17ad031ce45cb3a8f95160428afd7fbcabb4b407e"
)


def u32(data, at):
    return int.from_bytes(data[at : at + 4], "little")


def u64(data, at):
    return int.from_bytes(data[at : at + 8], "little")


def swap(number, size):
    return int.from_bytes(number.to_bytes(size, "little"), "big")


def avalanche(h):
    h ^= h >> 37
    h = h * 0x165667919E3779F9 & MASK
    return h ^ h >> 32


def avalanche64(h):
    h ^= h >> 33
    h = h * P64_2 & MASK
    h ^= h >> 29
    h = h * P64_3 & MASK
    return h ^ h >> 32


def fold(a, b):
    product = a * b
    return (product ^ product >> 64) & MASK


def mix16(data, at, secret):
    return fold(u64(data, at) ^ u64(SECRET, secret), u64(data, at + 8) ^ u64(SECRET, secret + 8))


def mix32(acc, data, one, two, secret):
    low = acc[0] + mix16(data, one, secret) & MASK
    low ^= u64(data, two) + u64(data, two + 8) & MASK
    high = acc[1] + mix16(data, two, secret + 16) & MASK
    high ^= u64(data, one) + u64(data, one + 8) & MASK
    return low, high


def of_pair(acc, length):
    low = avalanche(acc[0] + acc[1] & MASK)
    high = avalanche(acc[0] * P64_1 + acc[1] * P64_4 + length * P64_2 & MASK)
    return low | (-high & MASK) << 64


def merge(acc, secret, start):
    for i in range(4):
        start += fold(acc[2 * i] ^ u64(SECRET, secret + 16 * i), acc[2 * i + 1] ^ u64(SECRET, secret + 16 * i + 8))
    return avalanche(start & MASK)


def accumulate(acc, data, at, secret):
    for i in range(8):
        value = u64(data, at + 8 * i)
        key = value ^ u64(SECRET, secret + 8 * i)
        acc[i ^ 1] = acc[i ^ 1] + value & MASK
        acc[i] = acc[i] + (key & 0xFFFFFFFF) * (key >> 32) & MASK


def xxh3_128(data):
    """XXH3-128 with seed 0 (https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md)."""
    n = len(data)
    if n == 0:
        return avalanche64(u64(SECRET, 64) ^ u64(SECRET, 72)) | avalanche64(u64(SECRET, 80) ^ u64(SECRET, 88)) << 64
    if n <= 3:
        low = data[0] << 16 | data[n >> 1] << 24 | data[-1] | n << 8
        high = swap(low, 4)
        high = (high << 13 | high >> 19) & 0xFFFFFFFF
        low ^= u32(SECRET, 0) ^ u32(SECRET, 4)
        high ^= u32(SECRET, 8) ^ u32(SECRET, 12)
        return avalanche64(low) | avalanche64(high) << 64
    if n <= 8:
        keyed = (u32(data, 0) | u32(data, n - 4) << 32) ^ u64(SECRET, 16) ^ u64(SECRET, 24)
        product = keyed * (P64_1 + (n << 2) & MASK)
        low, high = product & MASK, product >> 64
        high = high + (low << 1) & MASK
        low ^= high >> 3
        low ^= low >> 35
        low = low * 0x9FB21C651E98DF25 & MASK
        low ^= low >> 28
        return low | avalanche(high) << 64
    if n <= 16:
        first, last = u64(data, 0), u64(data, n - 8)
        product = (first ^ last ^ u64(SECRET, 32) ^ u64(SECRET, 40)) * P64_1
        low, high = product & MASK, product >> 64
        low = low + (n - 1 << 54) & MASK
        last ^= u64(SECRET, 48) ^ u64(SECRET, 56)
        high = high + last + (last & 0xFFFFFFFF) * (P32_2 - 1) & MASK
        low ^= swap(high, 8)
        product = low * P64_2
        return avalanche(product & MASK) | avalanche((product >> 64) + high * P64_2 & MASK) << 64
    if n <= 128:
        acc = n * P64_1 & MASK, 0
        for i in reversed(range((n - 1) // 32 + 1)):
            acc = mix32(acc, data, 16 * i, n - 16 * (i + 1), 32 * i)
        return of_pair(acc, n)
    if n <= 240:
        acc = n * P64_1 & MASK, 0
        for i in range(4):
            acc = mix32(acc, data, 32 * i, 32 * i + 16, 32 * i)
        acc = avalanche(acc[0]), avalanche(acc[1])
        for i in range(4, n // 32):
            acc = mix32(acc, data, 32 * i, 32 * i + 16, 3 + 32 * (i - 4))
        return of_pair(mix32(acc, data, n - 16, n - 32, 103), n)
    acc = [P32_3, P64_1, P64_2, P64_3, P64_4, P32_2, P64_5, P32_1]
    blocks = (n - 1) // 1024
    for block in range(blocks):
        for i in range(16):
            accumulate(acc, data, 1024 * block + 64 * i, 8 * i)
        for i in range(8):
            acc[i] = (acc[i] ^ acc[i] >> 47 ^ u64(SECRET, 128 + 8 * i)) * P32_1 & MASK
    for i in range((n - 1 - 1024 * blocks) // 64):
        accumulate(acc, data, 1024 * blocks + 64 * i, 8 * i)
    accumulate(acc, data, n - 64, 121)
    return merge(acc, 11, n * P64_1 & MASK) | merge(acc, 117, ~(n * P64_2) & MASK) << 64


def numeric(value):
    """Plain digits without zeros that say nothing."""
    # repr() is the shortest decimal that reads as the same float again
    number = decimal.Decimal(repr(value) if isinstance(value, float) else value)
    plain = format(number, "f").lstrip("+")
    if "." in plain:
        plain = plain.rstrip("0").rstrip(".")
    return "0" if plain in ("-0", "") else plain


def jsonb(value):
    if isinstance(value, dict):
        members = sorted(value.items(), key=lambda member: (len(member[0].encode()), member[0].encode()))
        return "{" + ", ".join(json.dumps(key, ensure_ascii=False) + ": " + jsonb(item) for key, item in members) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(jsonb(item) for item in value) + "]"
    if isinstance(value, decimal.Decimal):
        return numeric(value)
    return json.dumps(value, ensure_ascii=False)


EPOCH = datetime.datetime(2000, 1, 1, tzinfo=datetime.timezone.utc)


def micros(text):
    moment = datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
    return ((moment if moment.tzinfo else moment.replace(tzinfo=datetime.timezone.utc)) - EPOCH) // datetime.timedelta(microseconds=1)


CANONICAL = {
    "boolean": lambda value: bytes([value if isinstance(value, int) else value.lower() in ("true", "t", "yes", "on")]),
    "smallint": lambda value: struct.pack(">h", value),
    "integer": lambda value: struct.pack(">i", value),
    "bigint": lambda value: struct.pack(">q", value),
    "double precision": lambda value: struct.pack(">d", value),
    "numeric": lambda value: numeric(value).encode(),
    "text": lambda value: value.encode(),
    "char": lambda value: value.rstrip(" ").encode(),
    "bytea": lambda value: value,
    "date": lambda value: struct.pack(">i", (datetime.date.fromisoformat(value) - EPOCH.date()).days),
    "timestamp": lambda value: struct.pack(">q", micros(value)),
    "timestamptz": lambda value: struct.pack(">q", micros(value)),
    "uuid": lambda value: uuid.UUID(value).bytes,
    "jsonb": lambda value: jsonb(json.loads(value, parse_float=decimal.Decimal, parse_int=decimal.Decimal)).encode(),
    "numeric[]": lambda value: array("numeric", json.loads(value, parse_float=decimal.Decimal, parse_int=decimal.Decimal)),
}


def array(of, values):
    return struct.pack(">i", len(values)) + b"".join(field(of, value) for value in values)


def field(of, value):
    if value is None:
        return struct.pack(">i", -1)
    contents = CANONICAL[of](value)
    return struct.pack(">i", len(contents)) + contents


def main(arguments):
    if arguments[0] == "--hash":
        for data in arguments[1:]:
            print(f"{xxh3_128(bytes.fromhex(data)):032x}")
        return
    path, table, columns = arguments[0], arguments[1], [column.split(":") for column in arguments[2:]]
    rows, total = 0, 0
    names = ", ".join('"' + name + '"' for name, _ in columns)
    for row in sqlite3.connect(path).execute(f'SELECT {names} FROM "{table}"'):
        total += xxh3_128(b"".join(field(of, value) for (_, of), value in zip(columns, row)))
        rows += 1
    print(f"{rows} {total % (1 << 128):032x}")


main(sys.argv[1:])
