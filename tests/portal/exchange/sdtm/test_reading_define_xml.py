"""define.xml: read for its labels, refused for what it must not hold."""

from pathlib import Path

import pytest

from portal.exchange.sdtm.reading.dataset import NotDefineXml, UnsafeXml
from portal.exchange.sdtm.reading.define_xml import read_define

VERSION_2 = """<?xml version="1.0"?>
<ODM xmlns="http://www.cdisc.org/ns/odm/v1.3" xmlns:def="http://www.cdisc.org/ns/def/v2.1">
 <Study OID="S"><GlobalVariables><StudyName>T1</StudyName>
  <StudyDescription>A trial</StudyDescription><ProtocolName>T1-P</ProtocolName></GlobalVariables>
 <MetaDataVersion OID="M" def:DefineVersion="2.1.0">
  <ItemGroupDef OID="IG.AE" Name="AE"><Description><TranslatedText>Adverse Events</TranslatedText>
   </Description><ItemRef ItemOID="IT.AESEV"/></ItemGroupDef>
  <ItemDef OID="IT.AESEV" Name="AESEV" DataType="text"><Description>
   <TranslatedText>Severity</TranslatedText></Description><CodeListRef CodeListOID="CL.SEV"/>
  </ItemDef>
  <CodeList OID="CL.SEV"><CodeListItem CodedValue="MILD"><Decode>
   <TranslatedText>Grade 1</TranslatedText></Decode></CodeListItem></CodeList>
 </MetaDataVersion></Study></ODM>"""


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "define.xml"
    path.write_text(text)
    return path


def test_version_2_labels_and_codelists_are_read(tmp_path: Path) -> None:
    define = read_define(written(tmp_path, VERSION_2))
    assert (define.version, define.study_name, define.protocol_name) == ("2.1.0", "T1", "T1-P")
    assert define.datasets["AE"].label == "Adverse Events"
    assert define.datasets["AE"].variables["AESEV"].label == "Severity"
    assert define.codelists["CL.SEV"] == {"MILD": "Grade 1"}


@pytest.mark.parametrize(
    "doctype",
    [
        '<!DOCTYPE ODM SYSTEM "http://example.org/x.dtd">',
        '<!DOCTYPE ODM [<!ENTITY x SYSTEM "file:///etc/passwd">]>',
        '<!DOCTYPE ODM [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;">]>',
    ],
)
def test_a_document_type_is_refused(tmp_path: Path, doctype: str) -> None:
    text = VERSION_2.replace("<ODM ", doctype + "<ODM ", 1)
    with pytest.raises(UnsafeXml):
        read_define(written(tmp_path, text))


@pytest.mark.parametrize("text", ["", "not xml", "<html/>", VERSION_2[:400]])
def test_what_is_no_define_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(NotDefineXml):
        read_define(written(tmp_path, text))


def test_the_published_defines_are_read(real_data: Path) -> None:
    pilot = read_define(real_data / "cdisc_pilot" / "sdtm" / "define.xml")
    assert (pilot.version, pilot.study_name) == ("1.0.0", "CDISCPILOT01")
    assert pilot.datasets["AE"].variables["AESER"].label == "Serious Event"
    versions = {
        read_define(path).version for path in sorted((real_data / "define_xml").glob("*.xml"))
    }
    assert versions == {"2.0.0", "2.1.0"}
