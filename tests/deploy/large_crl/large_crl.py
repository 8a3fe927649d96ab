"""CRLs of any size in a second: DER written by hand, since a library makes an object of each entry."""
import datetime as dt
import os

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

ECDSA_WITH_SHA256 = bytes.fromhex("300a06082a8648ce3d040302")
KEY_COMPROMISE = bytes.fromhex("300c300a0603551d1504030a0101")  # crlEntryExtensions with a reasonCode
SERIAL_BYTES = 16


def value(tag, content):
    size = len(content)
    if size < 0x80:
        return bytes([tag, size]) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + content


def utc(time):
    return value(0x17, time.strftime("%y%m%d%H%M%SZ").encode())


def serial_of(certificate):
    number = certificate.serial_number
    return number.to_bytes(number.bit_length() // 8 + 1, "big")


def write(authority, path, entries, revoked=()):
    """A CRL of `authority` with so many random serials, and those of the certificates `revoked`."""
    now = dt.datetime.utcnow()
    rest = utc(now) + KEY_COMPROMISE
    dice = os.urandom(SERIAL_BYTES * entries)
    # 0x5a in front: positive, and no serial of a certificate that a test makes.
    serials = [b"\x5a" + dice[i:i + SERIAL_BYTES - 1] for i in range(0, len(dice), SERIAL_BYTES)]
    serials += [serial_of(each.certificate) for each in revoked]
    listed = b"".join(value(0x30, value(0x02, serial) + rest) for serial in serials)
    tbs = value(0x30, b"".join([
        value(0x02, b"\x01"), ECDSA_WITH_SHA256, authority.subject.public_bytes(), utc(now - dt.timedelta(hours=1)),
        utc(now + dt.timedelta(days=30)), value(0x30, listed) if listed else b""]))
    assert isinstance(authority.key.curve, ec.SECP256R1)
    signature = authority.key.sign(tbs, ec.ECDSA(hashes.SHA256()))
    path.write_bytes(value(0x30, tbs + ECDSA_WITH_SHA256 + value(0x03, b"\0" + signature)))
    return path


