"""Names as they are common around Lake Victoria in Kenya. Nobody in particular is meant."""

from __future__ import annotations

from random import Random


def _words(text: str) -> list[str]:
    return text.split()


_WOMEN = _words(
    "Mercy Grace Lilian Caroline Beatrice Pamela Christine Millicent Rose Everlyne Judith Jane"
    " Faith Sharon Vivian Brenda Winnie Dorothy Hellen Jackline Monica Mary Susan Esther Linet"
    " Irene Nancy Florence Lucy Eunice Joyce Consolata Rosemary Maureen Phoebe Mildred Emily"
    " Risper Celestine Quinter Benta Roseline Sylvia Diana Purity Stella Janet Veronica Gladys"
)
_MEN = _words(
    "Peter John James George Joseph Charles Kennedy Tom Samuel David Daniel Michael Patrick"
    " Fredrick Maurice Vincent Collins Erick Evans Dennis Geoffrey Walter Bernard Philip Moses"
    " Stephen Robert Simon Richard Martin Kevin Felix Julius Thomas William Wycliffe Nicholas"
)
#: The second name: when, and how, somebody was born.
_BORN_WOMEN = _words(
    "Akinyi Atieno Achieng Adhiambo Anyango Awuor Akoth Auma Apiyo Adongo Aluoch Awino Akello"
    " Amondi Adoyo Arogo Apondi Nasimiyu Nekesa Naliaka"
)
_BORN_MEN = _words(
    "Otieno Ochieng Odhiambo Omondi Onyango Owuor Okoth Ouma Opiyo Odongo Oluoch Owino Okello"
    " Odoyo Barasa Wafula"
)
_FAMILIES = _words(
    "Ogutu Oduor Oloo Obiero Were Wandera Ogola Osumba Oyugi Onyando Ojwang Obonyo Abuto Ogada"
    " Agwanda Ndege Okumu Osewe Ombok Nyawade Ogweno Orimba Oyoo Odera Midigo Sewe Oringo Okal"
    " Makokha Nyongesa Wasonga Ayieko Nyangweso Omolo Ondiek Osodo Rachuonyo Siaya Owiti Odipo"
)


def woman(random: Random) -> str:
    """A woman's first and second name."""
    return f"{random.choice(_WOMEN)} {random.choice(_BORN_WOMEN)}"


def man(random: Random) -> str:
    """A man's first and second name."""
    return f"{random.choice(_MEN)} {random.choice(_BORN_MEN)}"


def family(random: Random) -> str:
    """The name of a family."""
    return random.choice(_FAMILIES)
