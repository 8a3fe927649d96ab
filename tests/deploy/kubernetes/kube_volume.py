"""Volumes as the kubelet makes them: ConfigMaps, Secrets and projections of both, by its AtomicWriter."""
import base64
import os
import secrets
import shutil
import time

READ_ONLY_MASK = 0o440  # what SetVolumeOwnership adds for the pod's fsGroup
DIRECTORY_MASK = 0o2110


class MountFailed(Exception):
    """What would keep the pod in ContainerCreating, in the kubelet's words."""


def payload(volume, read):
    """Relative path -> (content, mode) of a volume of a pod's spec. `read(kind, name)` gives an object's data as bytes, or None."""
    if "configMap" in volume:
        spec = volume["configMap"]
        return _project("configmap", spec["name"], spec, spec.get("defaultMode", 0o644), read)
    if "secret" in volume:
        spec = volume["secret"]
        return _project("secret", spec["secretName"], spec, spec.get("defaultMode", 0o644), read)
    files = {}
    for source in volume["projected"]["sources"]:
        (kind, spec), = source.items()
        files.update(_project(kind.lower(), spec["name"], spec, volume["projected"].get("defaultMode", 0o644), read))
    return files


def _project(kind, name, spec, mode, read):
    optional, data = spec.get("optional", False), read(kind, name)
    if data is None:
        if optional:
            return {}
        raise MountFailed(f'MountVolume.SetUp failed: {kind} "{name}" not found')
    if not spec.get("items"):
        return {key: (content, mode) for key, content in data.items()}
    files = {}
    for item in spec["items"]:
        if item["key"] in data:
            files[item["path"]] = (data[item["key"]], item.get("mode", mode))
        elif not optional:
            raise MountFailed(f"references non-existent {kind} key: {item['key']}")
    return files


def data_of(found):
    """The keys and contents of a ConfigMap or Secret as the API gives it."""
    if found["kind"] == "Secret":
        return {key: base64.b64decode(value) for key, value in (found.get("data") or {}).items()}
    texts = {key: value.encode() for key, value in (found.get("data") or {}).items()}
    return texts | {key: base64.b64decode(value) for key, value in (found.get("binaryData") or {}).items()}


class AtomicFolder:
    """A volume's folder. write() changes all of its files at once, in the kubelet's order: a new timestamped folder, ..data_tmp
    renamed over ..data, links for new files, links of lost files removed, the old folder removed."""

    def __init__(self, path, group):
        self.path, self.group = path, group
        path.mkdir(parents=True)
        self._own(path, 0o777)

    def write(self, files):
        """Whether something changed."""
        if files == self._current():
            return False
        old = self._link()
        new = self.path / f"{time.strftime('..%Y_%m_%d_%H_%M_%S')}.{secrets.randbelow(10**10)}"
        new.mkdir(mode=0o755)
        self._own(new, 0o755)
        for name, (content, mode) in files.items():
            self._write_file(new, name, content, mode)
        temporary = self.path / "..data_tmp"
        temporary.symlink_to(new.name)
        temporary.rename(self.path / "..data")
        self._show(files)
        if old:
            shutil.rmtree(self.path / old)
        return True

    def _write_file(self, folder, name, content, mode):
        target = folder / name
        for parent in reversed(target.relative_to(folder).parents[:-1]):
            (folder / parent).mkdir(exist_ok=True)
            self._own(folder / parent, 0o755)
        target.write_bytes(content)
        os.chown(target, 0, self.group)
        target.chmod(mode | READ_ONLY_MASK)

    def _own(self, folder, mode):
        os.chown(folder, 0, self.group)
        folder.chmod(mode | READ_ONLY_MASK | DIRECTORY_MASK)

    def _show(self, files):
        wanted = {name.split("/")[0] for name in files}
        shown = {entry.name for entry in self.path.iterdir() if not entry.name.startswith("..")}
        for name in wanted - shown:
            (self.path / name).symlink_to(f"..data/{name}")
        for name in shown - wanted:
            (self.path / name).unlink()

    def _link(self):
        link = self.path / "..data"
        return os.readlink(link) if link.is_symlink() else None

    def _current(self):
        if not self._link():
            return None
        root = self.path / "..data"
        return {str(path.relative_to(root)): (path.read_bytes(), path.stat().st_mode & 0o777) for path in root.rglob("*")
                if path.is_file()}
