"""Define-XML: labels, data types and codelists beside the datasets, read without trusting it.

Elements are found by local name, because versions 1.0, 2.0 and 2.1 differ in namespace only where
this module looks. A document type, an entity or a reference to the network is refused.
Source: CDISC Define-XML 1.0 (CRT-DDS), 2.0, 2.1.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lxml import etree

from portal.exchange.sdtm.reading.dataset import NotDefineXml, UnsafeXml
from portal.exchange.sdtm.reading.xpt_layout import opened

LARGEST_DEFINE = 64 << 20


@dataclass(frozen=True, slots=True)
class DefinedVariable:
    """What the define says about one variable."""

    label: str
    data_type: str
    codelist: str


@dataclass(frozen=True, slots=True)
class DefinedDataset:
    """What the define says about one dataset."""

    label: str
    variables: dict[str, DefinedVariable]


@dataclass(frozen=True, slots=True)
class Define:
    """A Define-XML document. `codelists` map a codelist's OID to code → decode; `dictionaries` map
    the OID of an external codelist to the dictionary and its release.
    """

    version: str
    study_name: str
    study_description: str
    protocol_name: str
    datasets: dict[str, DefinedDataset]
    codelists: dict[str, dict[str, str]]
    dictionaries: dict[str, tuple[str, str]]

    def dictionary_of(self, dataset: str, variable: str) -> tuple[str, str] | None:
        """Return the dictionary and release that a variable is coded with, if stated."""
        defined = self.datasets.get(dataset)
        found = defined.variables.get(variable) if defined else None
        return self.dictionaries.get(found.codelist) if found else None


def read_define(path: Path) -> Define:
    """Read a define.xml. Raises: NotDefineXml, UnsafeXml, NotPermittedToRead."""
    root = _parse(path)
    version_of = next(_named(root, "MetaDataVersion"), None)
    if _local(root) != "ODM" or version_of is None:
        raise NotDefineXml(path)
    items = {item.get("OID", ""): item for item in _named(version_of, "ItemDef")}
    return Define(
        version=_attribute(version_of, "DefineVersion"),
        study_name=_child_text(root, "StudyName"),
        study_description=_child_text(root, "StudyDescription"),
        protocol_name=_child_text(root, "ProtocolName"),
        datasets={
            group.get("Name", "").upper(): _dataset(group, items)
            for group in _named(version_of, "ItemGroupDef")
        },
        codelists={
            codelist.get("OID", ""): _codes(codelist) for codelist in _named(version_of, "CodeList")
        },
        dictionaries={
            codelist.get("OID", ""): (external.get("Dictionary", ""), external.get("Version", ""))
            for codelist in _named(version_of, "CodeList")
            for external in _named(codelist, "ExternalCodeList")
        },
    )


def _parse(path: Path) -> Any:
    with opened(path) as file:
        content = file.read(LARGEST_DEFINE + 1)
    if len(content) > LARGEST_DEFINE:
        raise NotDefineXml(path, "It is larger than 64 MB.")
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False
    )
    try:
        root = etree.fromstring(content, parser)
    except etree.XMLSyntaxError as error:
        if b"<!DOCTYPE" in content:
            raise UnsafeXml(path) from None
        raise NotDefineXml(path, f"It is not well-formed XML: {error}") from None
    if root.getroottree().docinfo.doctype or any(True for _ in root.iter(etree.Entity)):
        raise UnsafeXml(path)
    return root


def _dataset(group: Any, items: dict[str, Any]) -> DefinedDataset:
    variables = {}
    for reference in _named(group, "ItemRef"):
        item = items.get(reference.get("ItemOID", ""))
        if item is not None:
            codelist = next(_named(item, "CodeListRef"), None)
            variables[item.get("Name", "").upper()] = DefinedVariable(
                label=_label(item),
                data_type=item.get("DataType", ""),
                codelist="" if codelist is None else codelist.get("CodeListOID", ""),
            )
    return DefinedDataset(_label(group), variables)


def _codes(codelist: Any) -> dict[str, str]:
    codes = {}
    for name in ("CodeListItem", "EnumeratedItem"):
        for item in _named(codelist, name):
            codes[item.get("CodedValue", "")] = _child_text(item, "TranslatedText")
    return codes


def _label(element: Any) -> str:
    """Version 1 has the attribute def:Label, version 2 the element Description."""
    label = _attribute(element, "Label")
    if label:
        return label
    described = next((child for child in element if _local(child) == "Description"), None)
    return "" if described is None else _child_text(described, "TranslatedText")


def _named(element: Any, name: str) -> Iterator[Any]:
    return (found for found in element.iter() if _local(found) == name)


def _child_text(element: Any, name: str) -> str:
    found = next(_named(element, name), None)
    return " ".join((found.text or "").split()) if found is not None else ""


def _attribute(element: Any, name: str) -> str:
    for key, value in element.attrib.items():
        if etree.QName(key).localname == name:
            return str(value)
    return ""


def _local(element: Any) -> str:
    return etree.QName(element).localname if isinstance(element.tag, str) else ""
