# changed_bytes.py OLD.tar NEW.tar: the bytes of NEW's files whose contents OLD has nowhere.
import hashlib
import sys
import tarfile


def contents(path):
    with tarfile.open(path) as archive:
        for member in archive:
            if member.isreg():
                yield hashlib.sha256(archive.extractfile(member).read()).digest(), member.size


old = {digest for digest, _ in contents(sys.argv[1])}
print(sum(size for digest, size in contents(sys.argv[2]) if digest not in old))
