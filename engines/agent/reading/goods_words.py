"""
Common names of goods: what customers call a thing whose title says another word.

A title says 双肩包 or "vacuum flask", a customer 背包 or "thermos". Words of one
group name the same sort of thing, in either language. They are a last resort, for
where no word of the title itself is said.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Final


#: Words of one group, Chinese and English; no word that is often said of other things.
_GROUPS: Final = (
    "双肩包 背包 书包 包包 backpack rucksack knapsack schoolbag bag",
    "四件套 床单 被套 床品 被单 床上用品 枕套 bedding sheets duvet_cover bed_linen bedsheets pillowcase",
    "保温杯 水杯 杯子 保温壶 随行杯 flask thermos bottle tumbler mug cup",
    "热水壶 烧水壶 电水壶 电热壶 水壶 kettle",
    "短袖 t恤 体恤 衣服 t-shirt tshirt tee",
    "冲锋衣 外套 夹克 风衣 上衣 衣服 jacket coat windbreaker anorak",
    "充电宝 移动电源 power_bank powerbank battery_pack portable_charger",
    "数据线 充电线 快充线 连接线 cable cord wire",
    "耳机 耳麦 耳塞 headphones headset earphones earbuds",
    "吹风机 电吹风 风筒 hair_dryer blow_dryer hairdryer blowdryer dryer",
    "电饭煲 电饭锅 饭煲 饭锅 rice_cooker",
    "空气炸锅 炸锅 气炸锅 air_fryer airfryer fryer",
    "吸尘器 vacuum hoover vacuum_cleaner",
    "台灯 护眼灯 lamp desk_light",
    "电动牙刷 牙刷 toothbrush",
    "加湿器 humidifier",
    "体脂秤 体重秤 电子秤 scale",
    "坚果 干果 nuts nut",
    "手机壳 保护壳 手机套 phone_case phone_cover",
    "运动鞋 球鞋 跑鞋 鞋子 shoes sneakers trainers",
    "袜子 运动袜 短袜 socks",
    "裤子 牛仔裤 长裤 休闲裤 trousers pants jeans",
    "裙子 连衣裙 半身裙 dress skirt",
    "毛衣 针织衫 毛衫 衣服 sweater jumper pullover",
    "卫衣 帽衫 连帽衫 衣服 hoodie sweatshirt",
    "羽绒服 棉服 棉袄 衣服 down_jacket puffer",
    "枕头 枕芯 pillow",
    "被子 被芯 棉被 quilt duvet comforter",
    "毛巾 浴巾 towel",
    "键盘 keyboard",
    "鼠标 mouse",
    "显示器 显示屏 monitor",
    "手表 腕表 wristwatch smartwatch",
    "平底锅 炒锅 煎锅 frying_pan wok skillet",
    "面膜 face_mask sheet_mask",
    "口红 唇膏 lipstick",
    "洗面奶 洁面乳 洁面 cleanser face_wash",
    "洗发水 洗发露 shampoo",
    "纸巾 抽纸 餐巾纸 tissues tissue",
    "纸尿裤 尿不湿 尿布 diapers nappies",
    "雨伞 晴雨伞 太阳伞 umbrella",
    "行李箱 拉杆箱 旅行箱 suitcase luggage",
    "帽子 棒球帽 渔夫帽 hat cap",
    "墨镜 太阳镜 sunglasses",
    "沙发 couch sofa",
    "书桌 办公桌 电脑桌 桌子 desk",
    "椅子 电脑椅 办公椅 chair",
    "打印机 printer",
    "路由器 router",
    "平板 平板电脑 tablet ipad",
    "笔记本电脑 手提电脑 笔电 laptop",
)


def called_alike(text: str, title: str) -> frozenset[str]:
    """
    Words of a folded *title* that the folded *text* says by another name.

    Empty where it says none; a word that both say is not among them.
    """
    found: set[str] = set()
    for words in _patterns():
        titled, said = words.search(title), words.search(text)
        if titled and said and titled[0] != said[0]:
            found.add(titled[0])
    return frozenset(found)


@cache
def _patterns() -> tuple[re.Pattern[str], ...]:
    return tuple(
        re.compile("|".join(map(_pattern, group.split()))) for group in _GROUPS
    )


def _pattern(word: str) -> str:
    """A Latin word stands by itself; one that tells how goods are packed does not."""
    if not word.isascii():
        return re.escape(word)
    return rf"\b{re.escape(word).replace('_', '[ -]?')}s?\b(?! of\b)"
