"""
Words by which each task is asked for: short patterns in both languages.

Broad on purpose: what they find is weighed in :mod:`engines.agent.reading.wishes`.
"""

from __future__ import annotations

import re
from typing import Literal, get_args


Recipe = Literal[
    "cancel_order",
    "merge_orders",
    "split_shipment",
    "change_address",
    "change_phone",
    "reschedule_delivery",
    "exchange_item",
    "replace_item",
    "claim_gift",
    "refund_item",
    "price_protection",
    "chase_refund",
    "reissue_invoice",
]
Look = Literal["refund_status", "order_status"]
REFUND_STATUS = re.compile(
    r"(?:退款|退的钱|退货款|钱)[^,，。;；!！]{0,8}(?:到哪|到账|进度|什么时候|啥时候|多久|还没|没到|没收到|状态|怎么还|怎么没)"
    r"|(?:什么时候|多久|还没|没有?收到|怎么还没|查)[^,，。;；!！]{0,6}(?:退款|到账|退钱)"
    r"|\b(?:where|when|status|track|not received|n'?t received|haven'?t got|still waiting"
    r"|still no|how long|check|any news)\b.{0,40}\brefund"
    r"|\brefund\b.{0,40}\b(?:should have (?:been|come|arrived)|days ago|nowhere)\b|\brefund\b.{0,30}\b(?:status|yet|arrive|come through|where|when|taking|late|not)\b"
    r"|\bwhen\b[^,.;]{0,20}\b(?:get|see|have|receive) (?:my|the) money(?: back)?\b|\bwhere(?:'s| is) (?:my|the) money\b|\b(?:been|was|were|get|got|gotten) refunded\b|\bdid you refund\b",
)
ORDER_STATUS = re.compile(
    r"(?:订单|快递|包裹|物流|货).{0,6}(?:到哪|状态|进度|发货了吗|发了吗|什么时候到|送到哪)|查.{0,4}(?:订单|物流|快递)"
    r"|(?:还没|都没|没有?|一点)(?:有|个|啥|什么|半点|任何|一点)?(?:动静|音信|影子?(?!响))|发货了(?:吗|没)|到哪(?:了|儿了|里了)|(?:寄|发)出(?:来|去)?了?(?:吗|没|么)"
    r"|\b(?:where|status|track).{0,25}\b(?:order|parcel|package|delivery)\b"
    r"|\border status\b|\bhas (?:it|my|the|order|[a-z]{1,4}-?\d{2,})\b.{0,20}\b(?:shipped|sent|dispatched|left)\b|\bwhere(?:'s| is) (?:it|my)\b",
)
#: The recipient, but not the recipient's phone or time alone.
_TO = r"收[货件](?!人|的?(?:电话|手机|联系|时间|日期))"
_CHANGE_ADDRESS = re.compile(
    rf"(?:改|换|变更|更新|填错|写错|选错|弄错|搞错|错了?).{{0,8}}(?:地址|{_TO})"
    rf"|(?:地址|{_TO}).{{0,10}}(?:改|换|错|变|更新)|新地址|别的地址|另一个地址|改(?:成|为)[^,，。;；]{{2,12}}(?:省|市|区|县|路|街)"
    r"|(?:改|换)?(?:寄|送|发)(?:到|去|往)(?!\s*(?:我的?)?(?:邮箱|[\w.+-]+@))|改[到去](?!\s*(?:明|后|大后|下|周|星期|礼拜|\d))"
    r"|\b(?:change|update|edit|correct|modify|fix|wrong|different|another|new)\b.{0,30}\baddress\b"
    r"|\bchange\b.{0,30}\b(?:delivered|shipped|sent|delivery|shipping) to\b"
    r"|\baddress\b.{0,30}\b(?:change|wrong|update|mistake|incorrect|instead)"
    r"|\b(?:ship|send|deliver|redirect)\b.{0,25}\b(?:to|address)\b.{0,80}\b(?:instead|rather)\b"
    r"|\b(?:ship|send|deliver|redirect)\b.{0,35}\bto\s+(?:no\.?\s?)?\d+[a-z]?\s+[a-z]",
)
_CANCEL_ORDER = re.compile(
    r"(?<![不别没])取消.{0,12}(?:订单|这单|那单|那笔|这笔|购买|下单|一单)|(?:订单|这单|那单|单子).{0,14}(?<![不别没])取消|撤单|退单(?![里中的])|[单笔][^,，。]{0,4}撤(?:了|掉|销)|撤(?:了|掉|销)[^,，。]{0,8}[单笔]|(?<![不别没])取消(?:掉|了)?吧?$|(?<![不别没])取消[^,，。;；]{0,10}[那这](?:个|一个)[。!！]?$|(?<![不别没])取消\s?#?[a-z]{0,4}-?\d{3,}"
    r"|(?:订单|单子?)(?:我|都|就|也|全|现在)?不(?:想)?要了|(?:整单|全部|都).{0,3}不(?:想)?要了|不想买了|不买了"
    r"|^(?:请|帮我|麻烦|我[要想])*(?<![不别没])取消(?![^,，。;；]*(?:收藏|关注|订阅|自动|优惠|会员|退款|退货|换货|申请|提醒|通知|[吗么?？能可怎]))[^,，。;；]{2,12}$"
    r"|\bscrap\b|\bcall(?:ing)? (?:it |the (?:whole )?order )?off\b|\bcancel\b(?!.{0,30}\b(?:items?|refund|product)\b)",
)
_REFUND_ITEM = re.compile(
    r"\btake off\b|\bremove\b(?!.{0,30}\baddress)|少要(?=[一两二三四五六七八九十\d])|[勿弗]要(?:了|特)|退特|\breturn(?:ed|ing)\b|(?<![不别])退(?![休出步烧役伍])|.{2,20}(?:不想要了|不要了)|只(?:留|保留)|(?<!是)不(?:想)?要[^,，。;；了紧]{1,12}了|[减去删拿]掉"
    r"|\brefund|\breturn\b|\bsend (?:[\w' ]{1,30}? )?back\b|\bmoney back\b|\b(?:go|goes|going) back\b|\b(?:don'?t|do not) (?:want|need) (?!to\b|a refund|a new|an?other)|\btake .{1,40} off\b"
    r"|\bcancel\b.{0,30}\b(?:items?|product)\b|\b(?:only|just) (?:want|need) to keep\b",
)
DAMAGE = re.compile(
    r"(?:一|就|老|总|一直)闪|[熄灭][了掉]|闪退|死机|卡住|自动关机|\bflickers?\b|\bdies\b|\bdied\b|(?:坏|碎|裂|断|歪|瘪|烂|炸|漏|弯|折)(?:了|咧|啦|嘞|的|掉|开|成|$|[,，。!！])|破损|损坏|坏了|坏的|碎了|裂了|摔坏|漏液|有?瑕疵|开裂|变形|不通电|开不了机|充不[进了上]|打不开|[没无](?:声音|反应|电)了?(?![^,，。])|不(?:加热|制冷|出[水风声]|通电)|发霉|质量问题|失灵|不灵|没反应|用不了|不好[使用]|不能用|漏水|漏气|断了|划痕|掉漆|故障|按不动|不[转亮响]了?(?![^,，。])|不工作"
    r"|\bdamaged\b|\bbroken\b|\bcracked\b|\bdefective\b|\bbroke\b|\bshattered\b|\bfaulty\b|\bdented\b"
    r"|\bleak(?:s|ing|ed)?\b|\bscratched\b|\bdead on arrival\b|\bnot working\b|\b(?:won't|doesn't|does not|can't) (?:work|turn|charge|start|light|open|close|heat|cool|switch|connect|inflate|hold|stay|run|spin|boot)\b|\bstopped working\b|\bdoes(?:n'?t| not) (?:work|turn on)\b"
)
WRONG_ITEM = re.compile(
    r"发错|寄错|送错|货不对板|不是我(?:买|要|订|下单)的|\bwrong (?:item|product|thing|one)\b"
    r"|\b(?:sent|received|got|gave)(?: me)? (?:a |the )?(?:wrong|different)\b"
)
MISSING = re.compile(
    r"(?:买|拍|订|下)了?[^,，。]{0,6}[一两二三四五六\d]+[件个条双盒瓶份包袋][^。;；]{0,12}[只就才](?:到|收|来|给|发|有|[一两二三四五六\d])|\b(?:only|just) (?:got|received|have|had) (?:one|two|three|\d)\b|\bordered\b.{0,40}\bonly (?:one|two|three|four|five|\d)\b|[只就才](?:有|到|收|来|给|发)了?[一两二三四五六\d]+[件个条双盒瓶份包袋根支只][^。;；]{0,8}(?:买|拍|订|下)[^。;；,，]{0,4}[一两二三四五六\d]|给少了|漏发|少发|少寄|漏寄|只(?:收到|来了|到了|给了|发了)[^,，。]{0,3}[件个条双盒瓶份]|还?差了?[一两1-9][件个条双盒瓶份]|少了[^,，。]{0,6}[件个双条盒瓶]|(?:少|缺)了?(?:一|两|1|2|\d)[件个双条盒瓶]|没有?收到.{0,12}(?:件|个|那)"
    r"|\b(?:got|received|have|had) only (?:one|two|three|four|five|\d)\b|\bmissing\b|\bno [\w ]{2,20} in (?:my|the) [\w -]{0,12}(?:box|parcel|package)\b|\b(?:with|got|received|only) (?:only )?one\b.{0,60}\bordered\b|\bnot in the (?:box|parcel|package)\b|\bwas(?:n'?t| not) in(?:side)? (?:the )?(?:box|parcel|package)\b"
    r"|\b(?:one|two|\d) (?:item|unit|piece)s? short\b|\bleft out\b"
)
_GIFT = re.compile(
    r"(?:说好|应该|不是|本来)[^,，。;；]{0,4}送[^。;；]{1,16}(?:没|找不到|不见)|\b(?:supposed|meant) to come with\b|\bcame? without\b.{0,20}\b(?:gift|free)\b|(?:赠|送)的?[^,，。;；]{1,12}(?:没|忘了?)(?:有|送|给|见|看到|收到|到|寄|发|放|装)|\bfree \w+\b.{0,30}\b(?:wasn't|isn't|weren't|was not|not) (?:in|there|included)|没(?:有)?(?:收到|见到|看到|寄|发|给)[^。;；]{0,10}(?:赠|送的)|(?:赠品|礼品|礼物|送的).{0,12}(?:没|少|缺|漏|补|忘|呢)|(?:没|少|缺|漏|忘|补).{0,8}(?:赠品|礼品|礼物)"
    r"|\bwhere(?:'s| is) (?:the|my) (?:free|gift)\b|\bfree \w+\b.{0,30}\b(?:should|supposed)\b|\b(?:gift|freebie|free (?:pouch|sample|item))\b.{0,30}\b(?:missing|not|never|n'?t|forgot|left out)"
    r"|\b(?:missing|never got|did(?:n'?t| not) (?:get|receive|come with)|forgot|no)\b.{0,20}\b(?:gift|freebie)\b"
    r"|\bpromised (?:an?|the) [\w ]{2,20} with\b.{0,60}(?:n't|\bnot|missing|\bno)\b|\bnever (?:got|received)\b.{0,20}\bfree\b|\b(?:send|claim)\b.{0,20}\b(?:gift|freebie)\b"
)
_EXCHANGE = re.compile(
    r"^(?:那|就|还是|改|直接|我[要想])*换(?:货|吧|了|一下)*[。!！]?$|(?:能|可以|想)(?:不能|不可以)?(?:帮我|给我)?改(?:成|为)(?![^,，。]{0,14}(?:省|市|区|县|路|街|电话|手机|号|地址|周|星期|礼拜|[天月日点]|付|自提|[发专普]票|公司|个人|[退送寄发\d]|取消)|[一两二三四五六七八九十])|换(?:成|个)?[smlx]{1,4}(?![a-z\d])|换(?:成|个)?\d{2}(?:码|号|的|$|[,，。])|换(?:成|为|个|一?[件双条只])?[^,，。;；退新]{1,6}(?:色|码|号|款)(?!码?(?:电话|手机))|\b(?:small|medium|large|x+l|x-large|extra large) (?:not|and not|instead of|rather than)\b|\b(?:too|bit) (?:big|small|tight|large|loose)\b.{0,60}\b(?:size|an? (?:xx?s|s|m|l|x{1,3}l)\b|one up|one down|bigger|smaller|\d{2})\b|换货|调换|换(?:[一两二三\d]?[个件双条款只瓶份]|成|为|大|小|码|颜色|尺码|尺寸|新的|黑|白|红|蓝|灰|绿|粉|[smlx]{1,4}\s?[码号])|(?:改|换)(?:成|为)[^,，。]{0,8}(?:码|色|[黑白红蓝灰绿粉紫黄])|(?:尺码|颜色|码数|大小|型号|规格)[^,，。]{0,4}(?:拍|买|选|订|下)错|(?:拍|买|选|订|下)错了?(?:尺码|颜色|码数|大小|型号|规格)|想换(?!地址|手机|电话|号码|收)|(?:要|换)[^,，。]{0,3}[大小]一?[点号码]"
    r"|\b(?:change|switch|trade)\b[^,.;?]{2,30}\bfor (?:an?|the|another)\b(?! (?:refund|order|sale))|\bexchang|\brather have\b|\bswapp?(?:ed)?\b|\b(?:size|colou?r)\b.{0,20}\binstead\b|\b(?:get|have|want|need)\b.{0,60}\bin (?:a |the )?(?:size )?\w+ instead\b|\b(?:like|want|get|have)\b(?!.{0,25}\b(?:money|cash|refund|compensation)\b).{0,40}\binstead of\b|\b(?:change|switch)\b.{0,30}\b(?:size|colou?r)\b|\b(?:different|other|bigger|smaller|larger) (?:size|colou?r)\b|\b(?:different|bigger|smaller|larger) one\b"
)
REPLACE = re.compile(
    r"换一台|换|补发|重发|重寄|补寄|再发|再寄|\breplac|\bresend\b|\bre-?ship|\bsend .{0,20}(?:again|another|new one)"
)
_SENT_ANEW = re.compile(
    r"\b(?:want|need|get|send me|have) (?:a new|another|a fresh) one\b|\ba replacement\b|\breplace(?:ment|d)?\b(?!.{0,60}\b(?:with|by)\b)|\bsend (?:me |us )?(?:a |an)?(?:new|other) one\b"
)
SAME_ANEW = re.compile(
    r"换一?台|换(?:个|一?[件条双只台]|一个)?新的?(?![款色码号尺])|\ba new one\b"
)
#: "发票开了没" asks; "发票开了吗" is no wish for another one.
_INVOICE = re.compile(
    r"发票(?![^,，。;；]{0,4}开(?:了|好|出来)[^,，。;；]{0,2}[没吗么])|抬头|税号|\btax (?:id|number)\b|\binvoice(?! (?:been )?issued)"
)
_PRICE = re.compile(
    r"\bpaid\b.{0,50}\bnow (?:it's|it is|they're|only|just)?\b.{0,20}\d|\bdifference,? please\b|价保|保价|价格保护|降价|降了|差价|便宜了|买贵|跌价|\bprice.{0,12}(?:match|protect|drop|adjust|difference|fell|went down|lower)"
    r"|\bcheaper now\b|\b(?:went|gone|going|came) down in price\b|\bon sale now\b|\b(?:refund|return|pay|give)\b.{0,15}\bthe (?:price )?difference\b|\b(?:dropped|lowered|cut) (?:the|its|in) price\b"
)
_MERGE = re.compile(
    r"合(?:成|到|在)?一个?(?:箱|盒|包)|再?[跟和与][^,，。]{1,16}一(?:起|块儿?)(?:发|寄)|\b(?:put|pack|ship|send|place)\b.{0,60}\b(?:in|into) (?:a|one) (?:single |same )?(?:box|parcel|package)\b|合并|并单|合单|并成|拼成一|合成一|放在?一起(?:发|寄)|(?:放|装|塞)(?:在|到|进)?(?:一|同一)个?(?:箱|盒|包裹|袋)|一(?:起|块儿?|道)(?:发|寄|打包|配送)|一个包裹|\bship(?:ped)? (?:it |them )?with (?:the|my|order)\b|\bmerge\b|\bcombine\b|\bconsolidate\b|\b(?:ship|send|pack|put|place).{0,40}\b(?:together|in one (?:parcel|box|package|shipment))\b"
)
_SPLIT = re.compile(
    r"\b(?:ship|send)\b.{0,40}\bnow\b.{0,60}\blater\b|[^,，。]{1,12}先(?:发|寄|送|走)|拆单|拆开(?:发|寄)|分开(?:发|寄|配送|送)|分批(?:发|寄)|分两[次批个]|先(?:发|寄|送)|先把.{1,20}(?:发|寄)"
    r"|\bsplit\b|\b(?:ship|send).{0,30}\bseparate(?:ly)?\b|\b(?:ship|send)\b.{0,40}\b(?:first|ahead|right away)\b|\bin two (?:parcels|shipments|packages)\b"
)
_DAY = r"(?:时间|日期|那天|送货|派送|配送|收货时间|送达)"
_RESCHEDULE = re.compile(
    rf"(?:周|星期|礼拜)[一二三四五六日天末](?:再|才|给|帮|我)*(?:送|派|配送)|\bcould it (?:come|arrive)\b|\b(?:arrive|come|delivered?)\b.{0, 30}\bon (?:mon|tues|wednes|thurs|fri|satur|sun)day|(?:改|换|推迟|延后|延迟|延期|提前|约|调整).{{0,10}}{_DAY}|{_DAY}.{{0,8}}(?:改|换|推迟|延后|延迟|提前|调)"
    r"|(?:晚|改|过)(?:点|几|两|一)?天(?:再)?(?:送|派|配送|发)|(?:推迟|延后|延迟|改)(?:到|至)(?:明|后|大后|下|周|星期|礼拜|\d)"
    r"|(?:明天|后天|周[一二三四五六日天末]|星期.|礼拜.|\d+[号日]|\d{4}[-/.]\d{1,2}[-/.]\d{1,2})(?:再|才)?(?:送|派送|配送|送货|送达|送到|送来)"
    r"|\breschedul|\bpostpone\b|\bdelay (?:the|my) (?:delivery|parcel|shipment|order)"
    r"|\bdeliver(?:ed|y)?\b.{0,40}\b(?:later|another day|instead|(?:on|until|till|to|by) (?:mon|tues|wednes|thurs|fri|satur|sun|tomorrow|next|the \d|\d{1,2}(?:st|nd|rd|th)|\d{4}-\d|jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec))"
    r"|\b(?:send|ship|deliver|move|push)\b.{0,40}\b(?:next |this |on )?(?:mon|tues|wednes|thurs|fri|satur|sun)day\b|\b(?:hold|keep)\b.{0,30}\buntil\b"
    r"|\b(?:arrive|come)\b.{0,15}\b(?:mon|tues|wednes|thurs|fri|satur|sun)day\b.{0,12}\b(?:instead|rather)\b"
    r"|\b(?:arrive|come|delivered)\b.{0,20}\b(?:next |this |on )(?:mon|tues|wednes|thurs|fri|satur|sun)day\b"
    r"|(?:周[一二三四五六日天末]|星期.|礼拜.|\d+[号日]|明天|后天)(?:才|再|以后)?(?:在家|有空|有人|方便)"
    r"|\bchange\b.{0,25}\bdelivery (?:date|day|time)\b|\bdelivery (?:date|day|time)\b.{0,20}\b(?:to|change)\b"
)
_PHONE = re.compile(
    r"\b(?:change|update|correct)\b.{0,25}\b(?:recipient|receiver|contact person)\b|\bnew (?:mobile|phone|cell|number)\b|\b(?:phone|mobile|cell) (?:number )?(?:is|should be)\b|收[货件]人(?!.{0,4}地址).{0,8}(?:改|换|写错|错)|(?:改|换).{0,4}收[货件]人(?!.{0,4}地址)|(?:打|联系|用)这个(?:电话|号|手机)|(?:改|换|更新|更换|修改|变更).{0,10}(?:手机|电话|号码|联系方式)|(?:手机|电话|联系方式)号?.{0,10}(?:改|换|写错|填错|错了|变了)"
    r"|\bwrong number\b|\b(?:change|update|correct|new|wrong|different)\b.{0,25}\b(?:phone|mobile|cell|contact number)|\bnew number\b|\b(?:phone|mobile)\b.{0,20}\b(?:change|wrong|update|to)\b"
)
CHASE = re.compile(
    r"\bmoney\b.{0,120}\b(?:chase|hurry|speed|push|follow)\b|催.{0,8}(?:退款|到账|钱)|退款.{0,12}(?:催|加急|超时|逾期|过期|过了)|(?:催|加急).{0,3}一下|催(?![^,，。]{0,6}(?:发货|快递|物流|[^退]货|单))"
    r"|^(?:please |can you |could you )*(?:chase|speed|hurry) (?:it|this|that)(?: up)?\b|\b(?:chase|speed up|hurry(?: up)?|rush|push|expedite|escalate|follow up)\b.{0,25}\brefund|\brefund\b.{0,25}\b(?:overdue|late|past due|delayed)\b"
)
CUES: tuple[tuple[Recipe, re.Pattern[str]], ...] = (
    ("change_address", _CHANGE_ADDRESS),
    ("refund_item", _REFUND_ITEM),
    ("cancel_order", _CANCEL_ORDER),
    ("exchange_item", _EXCHANGE),
    ("replace_item", DAMAGE),
    ("replace_item", WRONG_ITEM),
    ("replace_item", _SENT_ANEW),
    ("replace_item", SAME_ANEW),
    ("replace_item", MISSING),
    ("claim_gift", _GIFT),
    ("price_protection", _PRICE),
    ("merge_orders", _MERGE),
    ("split_shipment", _SPLIT),
    ("reschedule_delivery", _RESCHEDULE),
    ("change_phone", _PHONE),
    ("reissue_invoice", _INVOICE),
    ("chase_refund", CHASE),
)
RECIPES: tuple[Recipe, ...] = get_args(Recipe)
#: (a task, the task whose words hold those of the first).
PART_OF: tuple[tuple[Recipe, Recipe], ...] = (
    ("refund_item", "price_protection"),
    ("refund_item", "chase_refund"),
    ("exchange_item", "change_phone"),
    ("exchange_item", "reissue_invoice"),
    ("exchange_item", "reschedule_delivery"),
    ("replace_item", "claim_gift"),
    ("refund_item", "exchange_item"),
    ("price_protection", "exchange_item"),
    ("change_phone", "change_address"),
    ("change_address", "reissue_invoice"),
    ("exchange_item", "change_address"),
    ("change_address", "reschedule_delivery"),
    ("split_shipment", "merge_orders"),
    ("change_address", "merge_orders"),
    ("change_address", "split_shipment"),
)
INTO = re.compile(r"[换改](?:成|为)")
#: Tasks that are on one line of an order.
LINE_RECIPES = frozenset(
    {"refund_item", "exchange_item", "replace_item", "price_protection"}
)
