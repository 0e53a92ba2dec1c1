"""
Where a parcel can go: Chinese provinces, and cities that stand for theirs.

Geography, not data of a shop: whether a shop delivers there, and for how much,
only its freight table knows.
"""

from __future__ import annotations

import re
from typing import Final

from engines.contract import Locale


_PROVINCES: Final = {
    "北京": "Beijing",
    "天津": "Tianjin",
    "河北": "Hebei",
    "山西": "Shanxi",
    "内蒙古": "Inner Mongolia",
    "辽宁": "Liaoning",
    "吉林": "Jilin",
    "黑龙江": "Heilongjiang",
    "上海": "Shanghai",
    "江苏": "Jiangsu",
    "浙江": "Zhejiang",
    "安徽": "Anhui",
    "福建": "Fujian",
    "江西": "Jiangxi",
    "山东": "Shandong",
    "河南": "Henan",
    "湖北": "Hubei",
    "湖南": "Hunan",
    "广东": "Guangdong",
    "广西": "Guangxi",
    "海南": "Hainan",
    "重庆": "Chongqing",
    "四川": "Sichuan",
    "贵州": "Guizhou",
    "云南": "Yunnan",
    "西藏": "Tibet",
    "陕西": "Shaanxi",
    "甘肃": "Gansu",
    "青海": "Qinghai",
    "宁夏": "Ningxia",
    "新疆": "Xinjiang",
}
_CITIES: Final = {
    "石家庄": ("河北", "Shijiazhuang"),
    "太原": ("山西", "Taiyuan"),
    "呼和浩特": ("内蒙古", "Hohhot"),
    "沈阳": ("辽宁", "Shenyang"),
    "大连": ("辽宁", "Dalian"),
    "长春": ("吉林", "Changchun"),
    "哈尔滨": ("黑龙江", "Harbin"),
    "南京": ("江苏", "Nanjing"),
    "苏州": ("江苏", "Suzhou"),
    "无锡": ("江苏", "Wuxi"),
    "杭州": ("浙江", "Hangzhou"),
    "宁波": ("浙江", "Ningbo"),
    "合肥": ("安徽", "Hefei"),
    "福州": ("福建", "Fuzhou"),
    "厦门": ("福建", "Xiamen"),
    "南昌": ("江西", "Nanchang"),
    "济南": ("山东", "Jinan"),
    "青岛": ("山东", "Qingdao"),
    "郑州": ("河南", "Zhengzhou"),
    "武汉": ("湖北", "Wuhan"),
    "长沙": ("湖南", "Changsha"),
    "广州": ("广东", "Guangzhou"),
    "深圳": ("广东", "Shenzhen"),
    "东莞": ("广东", "Dongguan"),
    "佛山": ("广东", "Foshan"),
    "南宁": ("广西", "Nanning"),
    "海口": ("海南", "Haikou"),
    "三亚": ("海南", "Sanya"),
    "成都": ("四川", "Chengdu"),
    "贵阳": ("贵州", "Guiyang"),
    "昆明": ("云南", "Kunming"),
    "拉萨": ("西藏", "Lhasa"),
    "西安": ("陕西", "Xi'an"),
    "兰州": ("甘肃", "Lanzhou"),
    "西宁": ("青海", "Xining"),
    "银川": ("宁夏", "Yinchuan"),
    "乌鲁木齐": ("新疆", "Urumqi"),
}
_BY_NAME: Final = (
    {zh: zh for zh in _PROVINCES}
    | {en.lower(): zh for zh, en in _PROVINCES.items()}
    | {city: zh for city, (zh, _) in _CITIES.items()}
    | {en.lower(): zh for zh, en in _CITIES.values()}
)
_NAMES: Final = re.compile(
    "|".join(
        re.escape(name) if name[0] > "z" else rf"\b{re.escape(name)}\b"
        for name in sorted(_BY_NAME, key=len, reverse=True)
    ),
    re.IGNORECASE,
)


def region_in(text: str, locale: Locale) -> str | None:
    """The last province named in *text*, in the words of *locale*."""
    found = _NAMES.findall(text)
    if not found:
        return None
    province = _BY_NAME[found[-1].lower()]
    return province if locale == "zh" else _PROVINCES[province]
