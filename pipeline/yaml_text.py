"""YAML that people write, read so that no line of it gets lost."""

from typing import Any

import yaml


class _OneOfEach(yaml.SafeLoader):
    """YAML as PyYAML's safe loader reads it, but a key that stands twice is an error and not a loss."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        for key in keys:
            if keys.count(key) > 1:
                raise yaml.MarkedYAMLError(problem=f"{key!r} stands twice", problem_mark=node.start_mark)
        return super().construct_mapping(node, deep)


def parse_yaml(text: str) -> Any:
    """What the text says. Raises yaml.YAMLError."""
    return yaml.load(text, _OneOfEach)  # noqa: S506  # a SafeLoader
