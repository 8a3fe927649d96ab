"""conf/gateway.schema.json as an editor uses it: YAML read with line numbers by the rules of YAML 1.1 or 1.2, then validated."""
import json
import re
import warnings

import yaml

from .gateway import ROOT

with warnings.catch_warnings():  # of a deprecated part that we don't use
    warnings.simplefilter("ignore")
    import jsonschema

SCHEMA_PATH = ROOT / "conf/gateway.schema.json"
SCHEMA = json.loads(SCHEMA_PATH.read_text())
_TAG = "tag:yaml.org,2002:"


class _Loader(yaml.SafeLoader):
    """Keys are texts, whatever they look like: JSON has no others."""

    def mapping(self, node):
        made = {}
        yield made
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise yaml.constructor.ConstructorError(None, None, "a key must be a plain word", key.start_mark)
            made[key.value] = self.construct_object(value, deep=True)


_Loader.add_constructor(_TAG + "map", _Loader.mapping)


class Yaml11(_Loader):
    """As PyYAML and many older tools read it: `off` is false. Dates stay texts, for JSON has none."""

    yaml_implicit_resolvers = {first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith("timestamp")]
                               for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()}


class Yaml12(_Loader):
    """The core schema of YAML 1.2, which editors' language servers read: `off` is a text."""

    yaml_implicit_resolvers = {}


def _number(loader, node):
    text = node.value
    bases = {"0o": 8, "0x": 16}
    if text[:2] in bases:
        return int(text[2:], bases[text[:2]])
    return int(text) if re.fullmatch(r"[-+]?[0-9]+", text) else float(text)


Yaml12.add_constructor(_TAG + "int", _number)
Yaml12.add_constructor(_TAG + "float", _number)
Yaml12.add_implicit_resolver(_TAG + "bool", re.compile(r"^(?:true|True|TRUE|false|False|FALSE)$"), list("tTfF"))
Yaml12.add_implicit_resolver(_TAG + "int", re.compile(r"^(?:[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+)$"), list("-+0123456789"))
Yaml12.add_implicit_resolver(_TAG + "float", re.compile(r"^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$"), list("-+0123456789."))
Yaml12.add_implicit_resolver(_TAG + "null", re.compile(r"^(?:~|null|Null|NULL|)$"), ["~", "n", "N", ""])

YAMLS = [Yaml11, Yaml12]


class Faults(list):
    """What an editor would underline: (first line, last line, message) each. A YAML error is one, too."""


def faults(text, reader=Yaml12, schema=SCHEMA):
    found = Faults()
    try:
        root = yaml.compose(text, reader)
        value = yaml.load(text, reader)
    except (yaml.YAMLError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else 1
        found.append((1, max(line, 1 << 20), f"YAML: {error}"))
        return found
    for error in jsonschema.Draft202012Validator(schema).iter_errors(value):
        if root is None:  # an empty file has no nodes
            found.append((1, 1, error.message))
            continue
        node = node_at(root, list(error.absolute_path))
        found.append((node.start_mark.line + 1, node.end_mark.line + 1, error.message))
    return found


def node_at(node, path):
    for step in path:
        if isinstance(node, yaml.MappingNode):
            node = next(value for key, value in node.value if key.value == step)
        else:
            node = node.value[step]
    return node


def used_properties(text, schema=SCHEMA):
    """Which properties of which object of the schema a valid config has: pairs of the object's title and the key."""
    used = set()
    plain = jsonschema.Draft202012Validator.VALIDATORS["properties"]

    def recording(validator, properties, instance, where):
        if isinstance(instance, dict) and "title" in where:
            used.update((where["title"], key) for key in properties if key in instance)
        yield from plain(validator, properties, instance, where)

    recorder = jsonschema.validators.extend(jsonschema.Draft202012Validator, {"properties": recording})
    assert recorder(schema).is_valid(yaml.load(text, Yaml12))
    return used


def objects(schema=SCHEMA):
    """The schema's objects with fixed keys, by title."""
    return {each["title"]: each for each in (schema, *schema["$defs"].values()) if each.get("additionalProperties") is False}
